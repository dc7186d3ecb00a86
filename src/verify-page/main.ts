/** The page: takes what is pasted and dropped, has it checked, and shows what came out. */
import "./browser/base64.ts";
import { kindOf } from "./reading.ts";
import { checkReceipt, type ReceiptOutcome } from "./receipt-check.ts";
import { receiptReport } from "./receipt-report.ts";

const byId = <Kind extends HTMLElement>(id: string): Kind => document.getElementById(id) as Kind;
const fields = {
  key: byId<HTMLTextAreaElement>("key"),
  receipt: byId<HTMLTextAreaElement>("receipt"),
  event: byId<HTMLTextAreaElement>("event"),
};
const verdict = byId("verdict");
const report = byId("report");
const drop = byId("drop");
const dropped = byId("dropped");
const files = byId<HTMLInputElement>("files");

/** Answers may come out of order: only that of the last change is shown. */
let turn = 0;

async function check(): Promise<void> {
  const mine = (turn += 1);
  const { key, receipt, event } = fields;
  const outcome = await checkReceipt({ key: key.value, receipt: receipt.value, event: event.value });
  if (mine === turn) show(outcome);
}

function show(outcome: ReceiptOutcome): void {
  verdict.className = `verdict ${outcome.state}`;
  verdict.textContent = outcome.headline;
  report.replaceChildren(...receiptReport(outcome));
}

async function take(list: Iterable<File>): Promise<void> {
  const taken: string[] = [];
  for (const file of list) taken.push(await takeOne(file));
  if (taken.length > 0) dropped.textContent = taken.join(" ");
  await check();
}

/** @returns what became of the file, for people. */
async function takeOne(file: File): Promise<string> {
  const text = await file.text();
  switch (kindOf(text)) {
    case "receipt":
      fields.receipt.value = text;
      return `${file.name} is the receipt.`;
    case "event":
      fields.event.value = text;
      return `${file.name} is the event.`;
    case "key":
      // Taken from among the proofs it would vouch for itself.
      return `${file.name} is a key, and was not taken: put a key above, and only one that reached you by another way.`;
    case "unknown":
      return `${file.name} is neither a receipt nor an event.`;
  }
}

for (const field of Object.values(fields)) field.addEventListener("input", () => void check());
files.addEventListener("change", () => void take(files.files ?? []));
// A file that misses its place must not be opened instead of the page.
for (const type of ["dragover", "drop"] as const) document.addEventListener(type, (event) => event.preventDefault());
drop.addEventListener("dragover", () => drop.classList.add("over"));
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  drop.classList.remove("over");
  void take(event.dataTransfer?.files ?? []);
});
byId("given").addEventListener("submit", (event) => event.preventDefault());
void check();
