import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkDossier } from "../../src/verify-page/dossier-check.ts";
import { productPath } from "../../tools/build-verify-page.ts";
import { chromiumPath, launched, watched } from "./support/chromium.ts";
import { archived, dossierIn, forgedDossiers, type MadeDossier } from "./support/dossier.ts";
import { otherKeyText } from "./support/promised.ts";

const folder = mkdtempSync(join(tmpdir(), "troth-dossier-"));
let made: MadeDossier;
beforeAll(async () => void (made = await dossierIn(folder)), 180_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const check = (files = made.files, key = made.key) => checkDossier(key, files, () => undefined);

describe("checking a dossier", () => {
  it("proves a true one, complete up to its census, and gives its story", async () => {
    const { state, headline, steps, story } = await check();
    expect([state, headline]).toEqual(["proved", expect.stringMatching(/genuine, and nothing is missing up to \d{4}-/)]);
    expect(steps.map((step) => step.state).filter((one) => one !== "passed")).toEqual(["open"]);
    const promise = story!.events.find(({ envelope }) => envelope.stream === `promise-${story!.promise}`)!;
    expect(promise.texts).toEqual([{ field: "text", text: "I will stop by every two weeks, for an hour, without a briefcase." }]);
  });

  it("finds each forgery, says why, and tells no story of it", async () => {
    for (const [what, files, says] of forgedDossiers(made.files)) {
      const { state, steps, story } = await check(files);
      expect([state, story], what).toEqual(["refuted", undefined]);
      const failed = steps.filter((step) => step.state === "failed").map((step) => step.says);
      expect(failed.join(" "), what).toMatch(says);
    }
  });

  it("relies on no key but the reader's", async () => {
    const { state, headline } = await check(made.files, otherKeyText.replace("troth/main", "troth/demo"));
    expect([state, headline]).toEqual(["refuted", expect.stringContaining("The key can't be used")]);
    const other = await check(made.files, otherKeyText);
    expect([other.state, other.headline]).toEqual([
      "refuted",
      expect.stringContaining("not signed by the log whose key you have"),
    ]);
    expect((await check(made.files, "")).state).toBe("waiting");
  });

  it("refuses what is no dossier at all", async () => {
    const { state, headline } = await check([{ path: "../../etc/passwd", bytes: new Uint8Array(0) }]);
    expect([state, headline]).toEqual(["refuted", expect.any(String)]);
    expect((await check([])).state).toBe("refuted");
  });
});

describe.skipIf(chromiumPath === undefined)("a dossier in Chromium", () => {
  let browser: Browser;
  beforeAll(async () => void (browser = await launched()));
  afterAll(() => browser.close());

  it("is green with the promise, its terms and its verdicts, or red with the reason, and reaches nobody", async () => {
    const url = pathToFileURL(productPath).href;
    const { page, requests, complaints } = await watched(browser);
    await page.goto(url);
    await page.getByLabel("Key of the ledger").fill(made.key);
    const verdict = page.locator("#verdict");
    const chosen = async (path: string) => page.locator("#files").setInputFiles(path);

    await chosen(made.archive);
    await expect.poll(() => verdict.getAttribute("class"), { timeout: 20_000 }).toBe("verdict proved");
    const card = page.locator("section.promise");
    expect(await card.locator("blockquote").textContent()).toBe(
      "I will stop by every two weeks, for an hour, without a briefcase.",
    );
    const told = await card.textContent();
    for (const words of ["R. Novak", "every 2 weeks", "26 of 26 kept", "17: kept late"]) expect(told).toContain(words);
    expect(await page.locator("ol.story > li").count()).toBeGreaterThan(50);

    for (const [what, files, says] of forgedDossiers(made.files)) {
      await chosen(archived(join(folder, `${what.replaceAll(" ", "-")}.tar`), files));
      await expect.poll(() => verdict.getAttribute("class"), { message: what, timeout: 20_000 }).toBe("verdict refuted");
      expect((await page.locator(".failed .says").allTextContents()).join(" "), what).toMatch(says);
      expect(await page.locator("section.promise, ol.story").count(), what).toBe(0);
      await chosen(made.archive);
      await expect.poll(() => verdict.getAttribute("class"), { message: what, timeout: 20_000 }).toBe("verdict proved");
    }
    await page.getByLabel("Key of the ledger").fill(otherKeyText);
    await expect.poll(() => verdict.getAttribute("class"), { timeout: 20_000 }).toBe("verdict refuted");
    expect([requests, complaints]).toEqual([[url], []]);
    await page.close();
  }, 240_000);
});
