// The committed cases, and how they are written.

import { readdirSync, readFileSync } from 'node:fs';
import { answer } from './answer.js';

const FOLDER = new URL('cases/', import.meta.url);

/** Each file with its text, and the text it should have: with the answers of graphql-js. */
export async function* files() {
  for (const name of readdirSync(FOLDER).sort()) {
    const url = new URL(name, FOLDER);
    const text = readFileSync(url, 'utf8');
    const cases = JSON.parse(text);
    for (const item of cases) {
      item.answer = await answer(item.request, { onlyValidate: name.startsWith('muster-') });
    }
    yield { name, url, text, count: cases.length, fresh: formatted(cases) };
  }
}

/** One line for each part of a case. */
function formatted(cases) {
  const shown = cases.map(({ name, request, answer, ours }) => {
    const parts = { name, request, answer, ...(ours && { ours }) };
    const lines = Object.entries(parts).map(([key, value]) => `    ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
    return `  {\n${lines.join(',\n')}\n  }`;
  });
  return `[\n${shown.join(',\n')}\n]\n`;
}
