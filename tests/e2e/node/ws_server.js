// A websocket server on a free loopback port. It sends each message back in fragments; commands are texts: `ping DATA`, `pings`,
// `close CODE`, `terminate`. It prints how each connection ended.
'use strict';
const { WebSocketServer } = require('ws');

const FRAGMENT = 1000000;
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 1 << 26, perMessageDeflate: true });

function sendFragmented(socket, data) {
  for (let at = 0; at < data.length || at === 0; at += FRAGMENT) {
    socket.send(data.subarray(at, at + FRAGMENT), { binary: true, fin: at + FRAGMENT >= data.length });
  }
}

function obey(socket, pings, command, value) {
  if (command === 'ping') socket.ping(value);
  else if (command === 'pings') socket.send(JSON.stringify(pings));
  else if (command === 'close') socket.close(Number(value), 'as you wish');
  else if (command === 'terminate') socket.terminate();
}

server.on('connection', (socket) => {
  const pings = [];
  socket.on('ping', (data) => pings.push(data.toString()));
  socket.on('pong', (data) => socket.send(`pong ${data}`));
  socket.on('error', () => {});
  socket.on('message', (data, binary) => {
    if (binary) sendFragmented(socket, data);
    else obey(socket, pings, ...data.toString().split(' '));
  });
  socket.on('close', (code, reason) => console.log(`closed ${code} ${reason}`));
});
server.on('listening', () => console.log(`port ${server.address().port}`));
