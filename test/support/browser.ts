/** A real browser, Debian's chromium, for specs of pages. It is no dependency: where it is not installed, a spec skips. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

/** Path of chromium, or undefined with the reason printed: skip then. `TROTH_CHROMIUM` names one that is not on the path. */
export function browserPath(): string | undefined {
  const named = process.env["TROTH_CHROMIUM"];
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const candidates = named === undefined ? folders.map((folder) => join(folder, "chromium")) : [named];
  const found = candidates.find(isExecutable);
  if (found === undefined) console.warn("skipped: no chromium is installed; name one in TROTH_CHROMIUM");
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The name under which pages of this machine are opened: what a page does for the sake of `localhost` alone must not pass. */
const hostName = "troth.example";

/**
 * A browser that reaches this machine and nothing else: every other name leads nowhere.
 * Chromium's own sandbox needs rights that containers lack, and it opens pages of ours alone.
 */
export const launchedBrowser = (executablePath: string): Promise<Browser> =>
  chromium.launch({
    executablePath,
    chromiumSandbox: false,
    args: ["--disable-dev-shm-usage", `--host-resolver-rules=MAP ${hostName} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`],
  });

/** The URL of something served on 127.0.0.1 under a name that is not this machine's. */
export const namedUrl = (url: string): string => url.replace("127.0.0.1", hostName);

export type WatchedPage = {
  page: Page;
  /** URLs that it asked of any other origin than the one it came from. */
  foreign: string[];
  /** What its content security policy forbade. */
  violations: string[];
  /** What it threw, and what it or the browser wrote to the console as an error. */
  errors: string[];
};

/** Opens a page and writes down what it does that it should not. @throws unless it is answered with 200. */
export async function watchedPage(browser: Browser, url: string): Promise<WatchedPage> {
  const page = await browser.newPage();
  const watched: WatchedPage = { page, foreign: [], violations: [], errors: [] };
  const { origin } = new URL(url);
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (!["data:", "blob:"].includes(asked.protocol) && asked.origin !== origin) watched.foreign.push(request.url());
  });
  page.on("pageerror", (error) => watched.errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") watched.errors.push(message.text());
  });
  await page.exposeFunction("reportViolation", (violation: string) => watched.violations.push(violation));
  await page.addInitScript(`document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
    void reportViolation(violatedDirective + " " + blockedURI))`);
  const response = await page.goto(url);
  if (response?.status() !== 200) throw new Error(`${url} answered ${response?.status()}`);
  return watched;
}
