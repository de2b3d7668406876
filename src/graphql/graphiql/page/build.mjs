// Builds ../built from src: one script, one style sheet, the licences of what is inside, and a manifest by which a
// test knows that all of them belong together. `--check` builds too, and fails where ../built differs.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';

process.chdir(import.meta.dirname);
const BUILT = '../built';

const built = await bundle();
const manifest = { sources: hashes(sources()), built: hashes(built) };
built['manifest.json'] = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
if (process.argv.includes('--check')) compare(built);
else write(built);

/** The files by name, not compressed. */
async function bundle() {
  const result = await build({
    entryPoints: { graphiql: 'src/main.jsx' },
    outdir: BUILT,
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    legalComments: 'none',
    define: { 'process.env.NODE_ENV': '"production"' },
    loader: { '.graphql': 'text' },
    alias: { 'react-style-singleton': './src/style-sheets.js' },
    plugins: [{ name: 'without-fonts', setup: withoutFonts }],
  });
  const files = Object.fromEntries(
    result.outputFiles.map(({ path, contents }) => [path.split('/').pop(), Buffer.from(contents)]),
  );
  return { ...files, 'licenses.txt': Buffer.from(licenses(Object.keys(result.metafile.inputs))) };
}

/** GraphiQL's style sheet carries its fonts, which are most of it; the page uses those of the reader's system. */
function withoutFonts(builder) {
  builder.onLoad({ filter: /graphiql\/dist\/style\.css$/ }, ({ path }) => ({
    contents: readFileSync(path, 'utf8').replace(/@font-face\s*\{[^}]*\}/g, ''),
    loader: 'css',
  }));
}

/** Every file that decides what is built. */
function sources() {
  const names = ['package.json', 'package-lock.json', 'build.mjs', ...readdirSync('src').map((name) => `src/${name}`)];
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(name)]));
}

function hashes(files) {
  const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
  return Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)]));
}

/** What each package inside says about its use; packages with the same words together. */
function licenses(inputs) {
  const folders = inputs.map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean);
  const names = new Map();
  for (const folder of [...new Set(folders)].sort()) {
    const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`));
    const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    const text = file ? readFileSync(`${folder}/${file}`, 'utf8').replace(/\r/g, '').trim() : `Licence: ${license}`;
    names.set(text, [...(names.get(text) ?? []), `${name} ${version} (${license})`]);
  }
  const head = 'The page at /graphql contains these packages, each under the words that follow its name.\n';
  const parts = [...names].map(([text, packages]) => `${packages.join('\n')}\n\n${text}\n`);
  return [head, ...parts].join(`\n${'-'.repeat(78)}\n\n`);
}

function isCompressed(name) {
  return name.startsWith('graphiql.');
}

function write(files) {
  mkdirSync(BUILT, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    const [path, content] = isCompressed(name) ? [`${name}.gz`, gzipSync(bytes, { level: 9 })] : [name, bytes];
    writeFileSync(`${BUILT}/${path}`, content);
    console.log(`${path} ${content.length}`);
  }
}

/** Compares contents, since another zlib may pack the same differently. */
function compare(files) {
  const unpacked = (name) =>
    isCompressed(name) ? gunzipSync(readFileSync(`${BUILT}/${name}.gz`)) : readFileSync(`${BUILT}/${name}`);
  const path = (name) => `${BUILT}/${name}${isCompressed(name) ? '.gz' : ''}`;
  const differs = Object.keys(files).filter((name) => !existsSync(path(name)) || !unpacked(name).equals(files[name]));
  if (differs.length > 0) {
    console.error(`built from other sources: ${differs.join(', ')}; run npm run build`);
    process.exit(1);
  }
}
