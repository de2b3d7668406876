// Writes the answers of graphql-js into the cases: `npm run differential`.

import { writeFileSync } from 'node:fs';
import { files } from './cases.js';

for await (const { url, fresh } of files()) writeFileSync(url, fresh);
