/**
 * Makes the page on which receipts and dossiers are checked: one file that needs nothing else, with the very code of `src/audit`.
 * The file is committed, so that a server needs no bundler, and so that its bytes can be compared anywhere; a spec builds it anew.
 *
 * node tools/build-verify-page.ts
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "rolldown";

const root = resolve(import.meta.dirname, "..");
const source = join(root, "src/verify-page");
export const productPath = join(root, "src/api/verify-page/verify.html");

/** What a browser needs otherwise. */
const replaced: Record<string, string> = {
  [join(root, "src/audit/sha256.ts")]: join(source, "browser/sha256.ts"),
  [join(root, "src/audit/signature.ts")]: join(source, "browser/signature.ts"),
};

async function script(): Promise<string> {
  const { output } = await build({
    input: join(source, "main.ts"),
    cwd: root,
    platform: "browser",
    // Modules are named in comments by their paths, which must not depend on where the packages lie.
    resolve: { symlinks: false },
    write: false,
    logLevel: "warn",
    plugins: [
      {
        name: "for-browsers",
        async resolveId(id, importer, options) {
          const found = await this.resolve(id, importer, { ...options, skipSelf: true });
          return found === null ? null : (replaced[found.id] ?? found);
        },
      },
    ],
    // Readable on purpose: whoever is careful looks before trusting a green answer.
    output: { format: "esm", minify: false },
  });
  const [chunk, ...others] = output;
  if (others.length > 0 || chunk.imports.length > 0) throw new Error("the page must be one script");
  // Within HTML these would end or disturb the script; in JavaScript's strings and comments the escape means the same.
  return chunk.code.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
}

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** The page as text. The same sources give the same bytes. */
export async function buildVerifyPage(): Promise<string> {
  const code = `\n${await script()}`;
  const style = `\n${readFileSync(join(source, "page.css"), "utf8")}`;
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(code)}`,
    `style-src ${hashOf(style)}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return readFileSync(join(source, "page.html"), "utf8")
    .replace("/* policy */", () => policy)
    .replace(/\n\s*\/\* style \*\/\s*/, () => style)
    .replace(/\n\s*\/\* script \*\/\s*/, () => code);
}

if (import.meta.main) writeFileSync(productPath, await buildVerifyPage());
