/** `/docs` of the real server in a real browser. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserPath, launchedBrowser, namedUrl, watchedPage } from "../support/browser.ts";
import { type RunningServer, runningServer } from "../support/server.ts";

const chromium = browserPath();

describe.skipIf(chromium === undefined)("the page of the API's documentation, in a browser", () => {
  let folder: string;
  let server: RunningServer;
  let browser: Browser;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "troth-docs-"));
    server = await runningServer(join(folder, "data"));
    browser = await launchedBrowser(chromium!);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("shows every operation, and opens one with its example, without asking anybody else", async () => {
    const { page, foreign, violations, errors } = await watchedPage(browser, `${namedUrl(server.url)}/docs`);
    const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as { paths: Record<string, object> };
    const operationCount = Object.values(document.paths).flatMap((path) => Object.keys(path)).length;
    const operations = page.locator(".opblock");
    await operations.first().waitFor();
    expect(await operations.count()).toBe(operationCount);
    const making = page.locator("#operations-Promises-make-promise");
    await making.locator(".opblock-summary-control").first().click();
    await making.getByText("I will stop by every two weeks").first().waitFor();
    expect({ foreign, violations, errors }).toEqual({ foreign: [], violations: [], errors: [] });
  });

  it("may not load or send anything elsewhere even where something on it tries", async () => {
    const { page, violations } = await watchedPage(browser, `${namedUrl(server.url)}/docs`);
    await page.evaluate(`(() => { const image = new Image(); image.src = "http://elsewhere.example/pixel.png"; })()`);
    await expect.poll(() => violations, { timeout: 30_000 }).toEqual(["img-src http://elsewhere.example/pixel.png"]);
  });
});
