/** A real Chromium where this machine has one. Specs say so where it has none, and are skipped. */
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

const usual = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
export const chromiumPath = [process.env["CHROMIUM"] ?? "", ...usual].find((path) => path !== "" && existsSync(path));

if (chromiumPath === undefined)
  console.warn("the page is not tried in a browser: no Chromium here (apt-get install chromium, or CHROMIUM)");

export const launched = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumPath!, args: ["--no-sandbox", "--disable-gpu"] });

export type Watched = { page: Page; requests: string[]; complaints: string[] };

/** A page, with every request that it makes and everything that its policy or its scripts complain of. */
export async function watched(browser: Browser): Promise<Watched> {
  const page = await browser.newPage();
  const [requests, complaints]: [string[], string[]] = [[], []];
  page.on("request", (request) => void requests.push(request.url()));
  page.on("pageerror", (error) => void complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  await page.addInitScript(
    `document.addEventListener("securitypolicyviolation", (event) => console.error("refused: " + event.violatedDirective))`,
  );
  return { page, requests, complaints };
}
