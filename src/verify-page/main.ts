/** The page: takes what is pasted and dropped, has it checked, and shows what came out. */
import "./browser/base64.ts";
import "./browser/zod.ts";
import { filesInTar } from "../verification/tar.ts";
import { checkDossier, type DossierOutcome } from "./dossier-check.ts";
import { dossierReport } from "./dossier-report.ts";
import { isArchive, kindOf } from "./reading.ts";
import { checkReceipt } from "./receipt-check.ts";
import { receiptReport } from "./receipt-report.ts";

const byId = <Kind extends HTMLElement>(id: string): Kind => document.getElementById(id) as Kind;
const key = byId<HTMLTextAreaElement>("key");
const fields = { receipt: byId<HTMLTextAreaElement>("receipt"), event: byId<HTMLTextAreaElement>("event") };
const verdict = byId("verdict");
const report = byId("report");
const drop = byId("drop");
const dropped = byId("dropped");
const files = byId<HTMLInputElement>("files");

/** The dossier that was dropped last; a receipt that is pasted or dropped takes its place. */
let dossier: File | undefined;
/** Answers may come out of order: only that of the last change is shown. */
let turn = 0;

async function check(): Promise<void> {
  const mine = (turn += 1);
  const show = (state: string, headline: string, parts: HTMLElement[]) => {
    if (mine !== turn) return;
    verdict.className = `verdict ${state}`;
    verdict.textContent = headline;
    report.replaceChildren(...parts);
  };
  try {
    if (dossier !== undefined) {
      const outcome = await checkedDossier(dossier, (done, of) => show("waiting", `Checked ${done} of ${of} events …`, []));
      show(outcome.state, outcome.headline, dossierReport(outcome));
    } else {
      const outcome = await checkReceipt({ key: key.value, receipt: fields.receipt.value, event: fields.event.value });
      show(outcome.state, outcome.headline, receiptReport(outcome));
    }
  } catch (error) {
    show("unable", `The check itself failed, so nothing is known: ${String(error)}`, []);
  }
}

const checkedDossier = (file: File, progress: (done: number, of: number) => void): Promise<DossierOutcome> =>
  checkDossier(key.value, filesInTar(chunksOf(file)), progress);

const chunkBytes = 1 << 20;

/** By slices, which every browser has, and which give the page its turn in between. */
async function* chunksOf(file: File): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.size; at += chunkBytes) yield new Uint8Array(await file.slice(at, at + chunkBytes).arrayBuffer());
}

async function take(list: Iterable<File>): Promise<void> {
  const taken: string[] = [];
  for (const file of list) taken.push(await takeOne(file));
  if (taken.length > 0) dropped.textContent = taken.join(" ");
  await check();
}

/** @returns what became of the file, for people. */
async function takeOne(file: File): Promise<string> {
  if (isArchive(new Uint8Array(await file.slice(0, 512).arrayBuffer()))) {
    dossier = file;
    return `${file.name} is a dossier.`;
  }
  const text = await file.slice(0, textBytesMax).text();
  const kind = kindOf(text);
  // Taken from among the proofs it would vouch for itself.
  if (kind === "key")
    return `${file.name} is a key, and was not taken: put a key above, and only one that reached you by another way.`;
  if (kind === "unknown") return `${file.name} is neither a receipt, nor an event, nor a dossier.`;
  dossier = undefined;
  fields[kind].value = text;
  return `${file.name} is the ${kind}.`;
}

/** Of a receipt or an event; no true one is longer. */
const textBytesMax = 2_000_000;

key.addEventListener("input", () => void check());
for (const field of Object.values(fields))
  field.addEventListener("input", () => {
    dossier = undefined;
    void check();
  });
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
