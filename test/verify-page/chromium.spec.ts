import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath, launched, watched, type Watched } from "./support/chromium.ts";
import { forgeries, keyText, policyText, promised, type Promised } from "./support/promised.ts";

describe.skipIf(chromiumPath === undefined)("/verify in Chromium", () => {
  let given: Promised;
  let url: string;
  let browser: Browser;
  const folder = mkdtempSync(join(tmpdir(), "troth-verify-"));
  beforeAll(async () => {
    [given, browser] = await Promise.all([promised(), launched()]);
    url = `${await given.api.listen()}/verify`;
  });
  afterAll(async () => {
    await browser.close();
    await given.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const opened = async (at = url): Promise<Watched> => {
    const one = await watched(browser);
    await one.page.goto(at);
    return one;
  };
  const filled = async (page: Page, key: string, receipt: string, event: string) => {
    await page.getByLabel("Key of the ledger").fill(key);
    await page.getByLabel("Receipt", { exact: true }).fill(receipt);
    await page.getByLabel("Event", { exact: true }).fill(event);
  };
  const verdict = (page: Page) => page.locator("#verdict");

  it("shows a true receipt green, with what stands there and the way up, and asks nobody", async () => {
    const { page, requests, complaints } = await opened();
    expect(await verdict(page).getAttribute("class")).toBe("verdict waiting");
    await filled(page, keyText, given.receipt, given.leaf);
    await expect.poll(() => verdict(page).getAttribute("class")).toBe("verdict proved");
    expect(await verdict(page).textContent()).toContain("Proved");
    const report = await page.locator("#report").textContent();
    for (const words of ["A promise was made.", "minMinutes", "troth/main", "the root that was signed"])
      expect(report).toContain(words);
    expect(await page.locator("svg.path rect").count()).toBeGreaterThan(6);
    expect(await page.getByRole("img").getAttribute("aria-label")).toMatch(/leads in \d steps to the root that was signed/);
    expect([requests, complaints]).toEqual([[url], []]);
    await page.close();
  });

  it("shows each forgery red, with the reason", async () => {
    const { page, requests, complaints } = await opened();
    for (const [what, { key = keyText, receipt = given.receipt, leaf = given.leaf }, says] of forgeries(given)) {
      await filled(page, keyText, given.receipt, given.leaf);
      await expect.poll(() => verdict(page).getAttribute("class"), { message: what }).toBe("verdict proved");
      await filled(page, key, receipt, leaf);
      await expect.poll(() => verdict(page).getAttribute("class"), { message: what }).toBe("verdict refuted");
      await expect.poll(() => page.locator(".failed .says").textContent(), { message: what }).toMatch(says);
    }
    expect([requests, complaints]).toEqual([[url], []]);
    await page.close();
  });

  it("takes files that are chosen, and no key from among them", async () => {
    const { page } = await opened();
    await page.getByLabel("Key of the ledger").fill(keyText);
    await page.locator("#files").setInputFiles([
      { name: "receipt.txt", mimeType: "text/plain", buffer: Buffer.from(given.receipt) },
      { name: "event.json", mimeType: "application/json", buffer: Buffer.from(given.apiEvent) },
      { name: "key.txt", mimeType: "text/plain", buffer: Buffer.from("troth/main+00000000+AAAA") },
    ]);
    await expect.poll(() => verdict(page).getAttribute("class")).toBe("verdict proved");
    expect(await page.getByLabel("Key of the ledger").inputValue()).toBe(keyText);
    expect(await page.locator("#dropped").textContent()).toContain("key.txt is a key, and was not taken");
    await page.close();
  });

  it("tells by when a witness had seen it, and where one is missing", async () => {
    const { page } = await opened();
    await filled(page, policyText, given.cosigned, given.leaf);
    await expect.poll(() => verdict(page).getAttribute("class")).toBe("verdict proved");
    expect(await page.locator("#report").textContent()).toContain("2026-02-01, 10:00:00 UTC");
    await filled(page, policyText, given.receipt, given.leaf);
    await expect.poll(() => verdict(page).getAttribute("class")).toBe("verdict unwitnessed");
    await page.close();
  });

  it("runs nothing and shows nothing as markup of what it is given", async () => {
    const { page, complaints } = await opened();
    const bad = `{"type":"<img src=x onerror=alert(1)>","data":{"a":"<script>alert(1)</script>"}}`;
    await filled(page, keyText, given.receipt, bad);
    await expect.poll(() => verdict(page).getAttribute("class")).toBe("verdict refuted");
    expect(await page.locator("main img, #report script").count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("can be used with the keyboard alone", async () => {
    const { page } = await opened();
    const focused = () => page.evaluate<string>("document.activeElement?.id");
    for (const id of ["key", "files", "receipt", "event"]) {
      await page.keyboard.press("Tab");
      expect(await focused()).toBe(id);
    }
    expect(await verdict(page).getAttribute("role")).toBe("status");
    await page.close();
  });

  it("works from a disk, without any network", async () => {
    const saved = join(folder, "verify.html");
    writeFileSync(saved, (await given.api.when("GET", "/verify", { key: null })).text);
    const at = pathToFileURL(saved).href;
    const { page, requests, complaints } = await opened(at);
    await page.context().setOffline(true);
    await filled(page, keyText, given.receipt, given.leaf);
    await expect.poll(() => verdict(page).getAttribute("class")).toBe("verdict proved");
    expect([requests, complaints]).toEqual([[at], []]);
    await page.close();
  });

  it("can reach nobody, whatever it runs", async () => {
    const { page, complaints } = await opened();
    // As text: the test runner would rewrite the import.
    const to = JSON.stringify(new URL("/livez", url).href);
    const tried = await page.evaluate(
      `Promise.allSettled([fetch(${to}), import(${to})]).then((all) => all.map((one) => one.status))`,
    );
    expect(tried).toEqual(["rejected", "rejected"]);
    expect(complaints.join()).toContain("Content Security Policy");
    await page.close();
  });
});
