// client.js URL CA-FILE TRANSPORTS: speaks with server.js through edge and prints what it saw as JSON.
'use strict';
const fs = require('fs');
const dns = require('dns');

// Every name is this machine, whatever resolver it has.
dns.lookup = (host, options, done) => {
  const callback = typeof options === 'function' ? options : done;
  if (options && options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

const { io } = require('socket.io-client');
const [url, ca, names] = process.argv.slice(2);
const transports = names.split(',');
const socket = io(url, { path: '/api/socket.io', transports, ca: fs.readFileSync(ca), reconnection: false, timeout: 20000 });

const ask = (event, ...values) => socket.timeout(20000).emitWithAck(event, ...values);

function fail(why) {
  console.error(why);
  process.exit(1);
}

async function upgraded() {
  const engine = socket.io.engine;
  if (engine.transport.name === transports[transports.length - 1]) return;
  await new Promise((done) => engine.once('upgrade', done));
}

function news() {
  return new Promise((done) => {
    const got = [];
    socket.on('news', (n) => {
      got.push(n);
      if (got.length === 5) done(got);
    });
    socket.emit('news');
  });
}

async function main() {
  const echo = await ask('echo', { hello: 'wörld', n: 3 });
  const binary = await ask('binary', Buffer.alloc(300000, 7));
  await upgraded();
  const told = { echo, binary, news: await news(), ...(await ask('who')), transport: socket.io.engine.transport.name };
  console.log(JSON.stringify(told));
  socket.close();
}

socket.on('connect_error', fail);
socket.on('disconnect', (why) => why === 'io client disconnect' || fail(why));
socket.on('connect', () => main().catch(fail));
setTimeout(() => fail('timeout'), 50000).unref();
