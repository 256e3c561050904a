// browser.js URL: Chromium visits URL/gallery and does from there what web applications do. Prints as JSON what it found.
// HOME is a directory whose NSS database trusts the tests' CA: certificates are verified.
'use strict';
const { chromium } = require('playwright-core');

const [url] = process.argv.slice(2);
const OPTIONS = [
  '--disable-background-networking',
  '--disable-gpu',
  '--disable-quic',
  '--host-resolver-rules=MAP * 127.0.0.1',
  '--no-proxy-server',
  '--no-sandbox',
];

// These run in the page.

async function gallery() {
  const images = [...document.images];
  const entries = performance.getEntriesByType('resource').filter((entry) => entry.initiatorType === 'img');
  return {
    widths: images.map((image) => (image.complete ? image.naturalWidth : -1)),
    requests: entries.length,
    connections: entries.filter((entry) => entry.connectEnd > entry.connectStart).length,
  };
}

// The server sends a piece only when the former one was seen here.
async function stream() {
  const reader = (await fetch('/pieces')).body.getReader();
  const seen = [];
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    seen.push(new TextDecoder().decode(next.value));
    await (await fetch('/seen', { method: 'POST' })).text();
  }
  return seen;
}

async function upload(size) {
  const data = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536) crypto.getRandomValues(data.subarray(at, at + 65536));
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
  const hex = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const answer = await fetch('/upload', { method: 'POST', body: new Blob([data]) });
  return { expected: `${size} ${hex}`, got: await answer.text() };
}

async function websocket() {
  const socket = new WebSocket(`wss://${location.host}/ws`);
  socket.binaryType = 'arraybuffer';
  const next = (event) => new Promise((done) => socket.addEventListener(event, done, { once: true }));
  await next('open');
  socket.send('hello');
  const text = (await next('message')).data;
  socket.send(new Uint8Array(1 << 20).fill(7));
  const binary = new Uint8Array((await next('message')).data);
  socket.close(4000, 'done');
  const { code, reason, wasClean } = await next('close');
  return { text, binary: binary.length === 1 << 20 && binary.every((byte) => byte === 7), code, reason, wasClean };
}

// The server ends the stream after every third event; the browser comes back and says which was the last. Each end is an `error`.
function events() {
  return new Promise((done) => {
    const source = new EventSource('/events');
    const ids = [];
    source.addEventListener('state', (event) => ids.push(Number(event.lastEventId)));
    source.addEventListener('error', () => {
      if (ids.length < 9) return;
      source.close();
      done(ids);
    });
  });
}

async function main() {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: OPTIONS });
  const page = await browser.newPage();
  const complaints = [];
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('requestfailed', (request) => complaints.push(`${request.url()}: ${request.failure().errorText}`));
  await page.goto(`${url}/gallery`, { waitUntil: 'load' });
  const told = { gallery: await page.evaluate(gallery), complaints };
  for (const part of [stream, websocket, events]) told[part.name] = await page.evaluate(part);
  told.upload = await page.evaluate(upload, 50000000);
  await browser.close();
  console.log(JSON.stringify(told));
}

main().catch((why) => {
  console.error(why);
  process.exit(1);
});
setTimeout(() => process.exit(2), 80000).unref();
