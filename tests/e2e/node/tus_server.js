// tus_server.js DIRECTORY: a tus upload server that keeps files there. Behind a proxy its URLs are the client's.
'use strict';
const { FileStore } = require('@tus/file-store');
const { Server } = require('@tus/server');

const [directory] = process.argv.slice(2);
const tus = new Server({ path: '/files', datastore: new FileStore({ directory }), respectForwardedHeaders: true });

const http = tus.listen({ host: '127.0.0.1', port: 0 }, () => console.log(`port ${http.address().port}`));
http.on('request', (request) => console.log(`${request.method} with ${request.headers['content-length'] || 0} bytes`));
