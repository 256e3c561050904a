// A socket.io server on a free loopback port. It keeps for a minute what a client misses while its connection is lost.
'use strict';
const { createServer } = require('http');
const { Server } = require('socket.io');

const http = createServer();
const io = new Server(http, {
  path: '/api/socket.io',
  maxHttpBufferSize: 1e8,
  connectionStateRecovery: { maxDisconnectionDuration: 60000 },
});

io.on('connection', (socket) => {
  socket.on('echo', (value, done) => done(value));
  socket.on('who', (done) => {
    const headers = socket.handshake.headers;
    done({ proto: headers['x-forwarded-proto'], address: headers['x-real-ip'] });
  });
  socket.on('news', () => {
    for (let i = 0; i < 5; i++) socket.emit('news', i);
  });
  socket.on('to all', (value) => io.emit('to all', value));
  // As a network does it: without a good-bye. What is sent from then on is missed.
  socket.on('cut', () => {
    socket.conn.transport.socket.terminate();
    socket.emit('news', 'missed');
  });
});
http.listen(0, '127.0.0.1', () => console.log(`port ${http.address().port}`));
