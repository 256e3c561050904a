// socketio_client.js URL TRANSPORTS COUNT CUT: COUNT clients speak with socketio_server.js; prints as JSON what the first one saw.
// With CUT `cut` the server drops the connection at the end, and the client comes back by itself.
'use strict';
require('./names');
const { io } = require('socket.io-client');

const [url, names, count, cut] = process.argv.slice(2);
const transports = names.split(',');

function fail(why) {
  console.error(why);
  process.exit(1);
}

function once(emitter, event) {
  return new Promise((done) => emitter.once(event, done));
}

function received(socket, event, n) {
  return new Promise((done) => {
    const got = [];
    socket.on(event, (value) => got.push(value) === n && done(got));
  });
}

async function connected() {
  const socket = io(url, { path: '/api/socket.io', transports, forceNew: true, reconnectionDelay: 50, timeout: 20000 });
  socket.on('connect_error', fail);
  socket.toAll = received(socket, 'to all', Number(count));
  await once(socket, 'connect');
  return socket;
}

async function upgraded(socket) {
  const engine = socket.io.engine;
  if (engine.transport.name !== transports[transports.length - 1]) await once(engine, 'upgrade');
}

async function talk(socket, number) {
  const ask = (event, ...values) => socket.timeout(20000).emitWithAck(event, ...values);
  const sent = Buffer.alloc(3000000, number + 1);
  const echo = await ask('echo', { hello: 'wörld', n: 3 });
  const binary = sent.equals(await ask('echo', sent));
  await upgraded(socket);
  const news = received(socket, 'news', 5);
  socket.emit('news');
  return { echo, binary, news: await news, ...(await ask('who')), transport: socket.io.engine.transport.name };
}

async function comeBack(socket) {
  const id = socket.id;
  const missed = received(socket, 'news', 1);
  socket.emit('cut');
  await once(socket, 'disconnect');
  await once(socket, 'connect');
  return { recovered: socket.recovered && socket.id === id, missed: await missed };
}

async function main() {
  const sockets = await Promise.all(Array.from({ length: Number(count) }, connected));
  const told = await Promise.all(sockets.map(talk));
  sockets.forEach((socket, i) => socket.emit('to all', i));
  const heard = await Promise.all(sockets.map((socket) => socket.toAll));
  const back = cut === 'cut' ? await comeBack(sockets[0]) : {};
  console.log(JSON.stringify({ ...told[0], ...back, heard: heard.map((values) => values.sort()) }));
  sockets.forEach((socket) => socket.close());
}

main().catch(fail);
setTimeout(() => fail('timeout'), 50000).unref();
