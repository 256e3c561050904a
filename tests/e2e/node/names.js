// Required first by every client: each name is this machine, whatever resolver it has.
'use strict';
const dns = require('dns');

dns.lookup = (host, options, done) => {
  const callback = typeof options === 'function' ? options : done;
  if (options && options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};
