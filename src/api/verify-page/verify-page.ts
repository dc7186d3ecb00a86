/**
 * `/verify`: a page on which anybody checks a receipt on their own machine. It is one file, the same for everybody, and holds no
 * secret, so it needs no key. Made by `tools/build-verify-page.ts`.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";

type Page = { html: string; policy: string; tag: string };

function readPage(): Page {
  const html = readFileSync(join(import.meta.dirname, "verify.html"), "utf8");
  // The page carries its policy along, for the day when it is opened from a disk; framing alone can't be refused from within.
  const [, own = "default-src 'none'"] = /http-equiv="Content-Security-Policy"\s+content="([^"]+)"/.exec(html) ?? [];
  const tag = `"${createHash("sha256").update(html).digest("base64url")}"`;
  return { html, policy: `${own}; frame-ancestors 'none'`, tag };
}

export function mountVerifyPage(app: FastifyInstance): void {
  let page: Page | undefined;
  app.get("/verify", (request, reply) => {
    const { html, policy, tag } = (page ??= readPage());
    void reply.header("content-security-policy", policy).header("etag", tag).header("cache-control", "no-cache");
    void reply.header("cross-origin-opener-policy", "same-origin");
    if (request.headers["if-none-match"] === tag) return reply.code(304).send();
    return reply.header("content-type", "text/html; charset=utf-8").send(html);
  });
}
