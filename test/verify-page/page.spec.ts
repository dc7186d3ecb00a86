import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildVerifyPage, productPath } from "../../tools/build-verify-page.ts";
import { checkReceipt } from "../../src/verify-page/receipt-check.ts";
import { eventIn, kindOf } from "../../src/verify-page/reading.ts";
import { forgeries, keyText, policyText, promised, type Promised } from "./support/promised.ts";

describe("the page as it is served", () => {
  const html = readFileSync(productPath, "utf8");

  it("is what the sources give; `npm run verify-page` makes it anew", async () => {
    expect(await buildVerifyPage()).toBe(html);
  });

  it("asks for nothing: no address, no import, one script and one style that its policy names", () => {
    expect(html.match(/<script\b|<style\b|<link\b/g)).toEqual(["<link", "<style", "<script"]);
    expect(html).not.toMatch(
      /\b(src|href)="(?!data:)|@import|\bimport\(|\bfetch\(|XMLHttpRequest|sendBeacon|WebSocket|new Worker/,
    );
    expect(html, "a path outside of the project").not.toMatch(/\.\.\/\.\.\/|\/work\/|\/tmp\//);
    const [, policy = ""] = /http-equiv="Content-Security-Policy"\s+content="([^"]+)"/.exec(html)!;
    const inner = (tag: string) => new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`).exec(html)![1]!;
    for (const tag of ["script", "style"])
      expect(policy).toContain(`${tag}-src 'sha256-${createHash("sha256").update(inner(tag)).digest("base64")}'`);
    expect(policy).toMatch(/^default-src 'none';/);
  });
});

describe("GET /verify", () => {
  let given: Promised;
  beforeAll(async () => void (given = await promised()));
  afterAll(() => given.close());

  it("needs no key, and is strict", async () => {
    const { status, headers, text } = await given.api.when("GET", "/verify", { key: null });
    expect([status, text]).toEqual([200, readFileSync(productPath, "utf8")]);
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src 'sha256-.*frame-ancestors 'none'$/);
    expect(headers["x-content-type-options"]).toBe("nosniff");
  });

  it("is sent once to whoever has it", async () => {
    const { headers } = await given.api.when("GET", "/verify", { key: null });
    const again = await given.api.when("GET", "/verify", { key: null, headers: { "if-none-match": headers["etag"]! } });
    expect([again.status, again.text]).toEqual([304, ""]);
  });

  it("is not to be written to", () => given.api.refused(405, "method-not-allowed", "POST", "/verify", { key: null, body: {} }));
});

describe("checking a receipt", () => {
  let given: Promised;
  beforeAll(async () => void (given = await promised()));
  afterAll(() => given.close());
  const check = (more: { key?: string; receipt?: string; event?: string }) =>
    checkReceipt({ key: keyText, receipt: given.receipt, event: given.leaf, ...more });

  it("passes every step of a true one, up to the root", async () => {
    const { state, steps, path, event } = await check({});
    expect([state, steps.map((step) => step.state)]).toEqual(["proved", ["passed", "passed", "passed", "passed"]]);
    expect([path!.leadsToRoot, event!.envelope!.type]).toEqual([true, "PromiseMade"]);
  });

  it("takes the event as the API answers with it, and texts as clipboards leave them", async () => {
    expect((await check({ event: given.apiEvent })).state).toBe("proved");
    const pasted = {
      receipt: ` \n${given.receipt.trimEnd().replaceAll("\n", "\r\n")}`,
      event: `${given.leaf}\n`,
      key: ` ${keyText}\n`,
    };
    expect((await check(pasted)).state).toBe("proved");
  });

  it("tells what is missing", async () => {
    const { state, headline } = await check({ key: " ", event: "" });
    expect([state, headline]).toEqual(["waiting", "Still missing: the log's key, the event."]);
  });

  it("asks for the witnesses of a policy", async () => {
    expect((await check({ key: policyText })).state).toBe("unwitnessed");
    expect((await check({ key: policyText, receipt: given.cosigned })).quorum).toMatchObject({ met: true });
  });

  it("fails each forgery at the step where it shows, and reaches none after", async () => {
    for (const [what, { leaf, ...more }, says] of forgeries(given)) {
      const { state, steps } = await check({ ...more, ...(leaf === undefined ? {} : { event: leaf }) });
      expect(state, what).toBe("refuted");
      const failed = steps.findIndex((step) => step.state === "failed");
      expect(steps[failed]!.says, what).toMatch(says);
      expect(steps.slice(failed + 1).every((step) => step.state === "open")).toBe(true);
      expect(steps).toHaveLength(4);
    }
  });

  it("fails after any change of any byte of the event", async () => {
    for (let at = 0; at < given.leaf.length; at += 7) {
      const changed = given.leaf.slice(0, at) + (given.leaf[at] === "x" ? "y" : "x") + given.leaf.slice(at + 1);
      expect((await check({ event: changed })).state, String(at)).toBe("refuted");
    }
  });
});

describe("what is given", () => {
  it("is known by its beginning", () => {
    expect(["c2sp.org/tlog-proof@v1\n", '{"id":1}', "log a", "troth/main+c55bb4b5+A", "hello", ""].map(kindOf)).toEqual([
      ...["receipt", "event", "key", "key", "unknown", "unknown"],
    ]);
  });

  it("is hashed as it stands unless it is an answer of the API", () => {
    const text = '{"b":1, "a":2}';
    expect(eventIn(text).text).toBe(text);
    expect(eventIn('{"b":1, "a":2, "position": 4}').text).toBe('{"a":2,"b":1}');
    expect(eventIn("[1]").envelope).toBeUndefined();
  });
});
