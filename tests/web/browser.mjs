// Shows pages in Chromium for tests/support/browser.rs: one command as JSON a line in, one answer a line out.
//
//     node browser.mjs CHROMIUM SCREENSHOTS

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import puppeteer from 'puppeteer-core';

const [executablePath, screenshots] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
mkdirSync(screenshots, { recursive: true });

const browser = await puppeteer.launch({
  executablePath,
  // It ends when the pipe does, so also when the test kills this process.
  pipe: true,
  // The sandbox needs namespaces, which root in a container has not; /dev/shm is small there.
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--force-prefers-reduced-motion'],
});
let watched;

const commands = {
  async show({ name, url, scheme, width }) {
    const page = await browser.newPage();
    try {
      const messages = [];
      const requests = [];
      page.on('console', (message) => messages.push(message.text()));
      page.on('pageerror', (error) => messages.push(String(error)));
      page.on('request', (request) => {
        if (request.url() !== url) requests.push(request.url());
      });
      await page.setViewport({ width, height: 720 });
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      const response = await page.goto(url, { timeout: 0 });
      // Like a browser's stop button: a page that replaces itself cannot be looked at in peace.
      const client = await page.createCDPSession();
      await client.send('Page.stopLoading');
      // The browser says of each answer with an error status that it is one.
      const expected = `the server responded with a status of ${response.status()}`;
      const { title, heading, text, overflow } = await page.evaluate(() => ({
        title: document.title,
        heading: document.querySelector('h1')?.innerText ?? '',
        text: document.body.innerText,
        overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      }));
      await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
      // Evaluated by the debugger, to which the page's own policy does not apply.
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      return {
        status: response.status(),
        title,
        heading,
        text,
        overflow,
        requests,
        messages: messages.filter((message) => !message.includes(expected)),
        violations: violations.map(({ id, help, nodes }) => ({
          id,
          help,
          nodes: nodes.map((node) => [node.html, node.failureSummary]),
        })),
      };
    } finally {
      await page.close();
    }
  },

  async watch({ url }) {
    watched = await browser.newPage();
    await watched.setJavaScriptEnabled(false);
    await watched.goto(url, { timeout: 0 });
    return { heading: await watched.$eval('h1', (heading) => heading.innerText) };
  },

  // A selector is looked for in each new document anew.
  async becomes({ heading }) {
    await watched.waitForSelector(`h1::-p-text(${heading})`, { timeout: 60_000 });
    await watched.close();
    return {};
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer;
  try {
    answer = await commands[command.do](command);
  } catch (error) {
    answer = { error: String(error.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
