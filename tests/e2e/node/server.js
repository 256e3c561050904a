// A socket.io server on a free loopback port, which it prints.
'use strict';
const { createServer } = require('http');
const { Server } = require('socket.io');

const http = createServer();
const io = new Server(http, { path: '/api/socket.io', maxHttpBufferSize: 1e8 });

io.on('connection', (socket) => {
  socket.on('echo', (value, done) => done(value));
  socket.on('binary', (data, done) => done(data.length));
  socket.on('who', (done) => {
    const headers = socket.handshake.headers;
    done({ proto: headers['x-forwarded-proto'], address: headers['x-real-ip'] });
  });
  socket.on('news', () => {
    for (let i = 0; i < 5; i++) socket.emit('news', i);
  });
});
http.listen(0, '127.0.0.1', () => console.log(http.address().port));
