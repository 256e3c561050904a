// tus_client.js URL FILE OPTIONS: uploads the file; OPTIONS is JSON for tus-js-client. Prints where the upload is, and the
// offsets at which it went on.
'use strict';
require('./names');
const fs = require('fs');
const tus = require('tus-js-client');

const [endpoint, file, options] = process.argv.slice(2);
const resumed = [];

const upload = new tus.Upload(fs.createReadStream(file), {
  endpoint,
  uploadSize: fs.statSync(file).size,
  metadata: { filename: 'holidays.mp4' },
  retryDelays: [0, 50, 100, 200, 400, 800, 1600, 3200],
  onAfterResponse: (request, response) => {
    if (request.getMethod() === 'HEAD') resumed.push(Number(response.getHeader('Upload-Offset')));
  },
  onError: (error) => {
    console.error(error);
    process.exit(1);
  },
  onSuccess: () => console.log(JSON.stringify({ url: upload.url, resumed })),
  ...JSON.parse(options),
});
upload.start();
