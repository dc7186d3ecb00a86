/**
 * Makes the verifier that stands alone: one script with the very code of `src/verification`, `src/domain` and `src/audit`, not
 * minified, for auditors to read and keep. The same sources give the same bytes; their SHA-256 is printed, to be published.
 *
 * node tools/build-verifier.ts [<file>]
 */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { build } from "rolldown";

const root = resolve(import.meta.dirname, "..");
const productPath = join(root, "dist/troth-verify.mjs");

export async function buildVerifier(): Promise<string> {
  const { output } = await build({
    input: join(root, "src/verifier/standalone.ts"),
    cwd: root,
    platform: "node",
    write: false,
    logLevel: "warn",
    transform: { target: "node20" },
    output: { format: "esm", minify: false, codeSplitting: false },
  });
  const [chunk, ...others] = output;
  const foreign = chunk.imports.filter((name) => !name.startsWith("node:"));
  if (others.length > 0 || foreign.length > 0) throw new Error(`the verifier must be one script: ${foreign.join(", ")}`);
  // Where dependencies lie is the machine's business.
  const code = chunk.code.replace(/^\/\/ \S*node_modules\//gm, "// node_modules/");
  return `#!/usr/bin/env node\n${code}`;
}

export const sha256Of = (text: string): string => createHash("sha256").update(text).digest("hex");

if (import.meta.main) {
  const path = process.argv[2] ?? productPath;
  const text = await buildVerifier();
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o755 });
  process.stdout.write(`${sha256Of(text)}  ${path}\n`);
}
