// src/ → v1/chat.js, always the same bytes, and v1/build.json, which says what they were made from.
import { createHash } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build, transform, version } from "esbuild";

const here = new URL(".", import.meta.url);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Names and contents of src/, in order: tests/browser/widget/test_the_build.py computes the same. */
async function sources() {
  const names = (await readdir(new URL("src/", here))).sort();
  const hash = createHash("sha256");
  for (const name of names) {
    const text = await readFile(new URL(`src/${name}`, here));
    hash.update(`${name}\0${sha256(text)}\n`);
  }
  return hash.digest("hex");
}

const style = {
  name: "style",
  setup: (it) =>
    it.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    }),
};

const made = await build({
  absWorkingDir: here.pathname,
  entryPoints: ["src/index.js"],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  write: false,
  plugins: [style],
});
const notice = "/*! Smarter chat widget, Apache-2.0 */\n";
const script = Buffer.concat([Buffer.from(notice), Buffer.from(made.outputFiles[0].contents)]);
const target = new URL(process.argv[2] ? `file://${process.argv[2]}` : "v1/chat.js", here);
await writeFile(target, script);
if (!process.argv[2]) {
  const record = { sources: await sources(), script: sha256(script), esbuild: version };
  await writeFile(new URL("v1/build.json", here), `${JSON.stringify(record, null, 2)}\n`);
}
process.stdout.write(`${script.length} bytes, ${gzipSync(script, { level: 9 }).length} gzipped\n`);
