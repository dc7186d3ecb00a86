/** What a dossier tells, noted while its files go by to the verifier. It is shown only once all of it was verified. */
import { textOf } from "../audit/encoding.ts";
import { type BundleFile, manifestPath, parseManifest, parseOpenings } from "../verification/bundle-format.ts";
import type { BundleFiles } from "../verification/bundle-reader.ts";
import type { Envelope } from "./reading.ts";

export type StoryEvent = { index: number; envelope: Envelope; texts: { field: string; text: string | undefined }[] };
export type Story = { account: string; promise: string | undefined; events: StoryEvent[] };

/** More than anybody reads on a page; the check itself has no such limit. */
const eventCountMax = 2_000;

export class StoryNotes {
  #story: Story | undefined;
  #last: StoryEvent | undefined;
  #skippedCount = 0;

  /** Undefined for a bundle of a whole log. */
  get story(): Story | undefined {
    return this.#story;
  }

  get skippedCount(): number {
    return this.#skippedCount;
  }

  /** The same files, with note taken of each. */
  async *watch(files: BundleFiles): AsyncGenerator<BundleFile> {
    for await (const file of files) {
      this.#note(file);
      yield file;
    }
  }

  #note({ path, bytes }: BundleFile): void {
    if (path === manifestPath) {
      const manifest = manifestOrNone(bytes);
      if (manifest?.kind === "dossier") this.#story = { account: manifest.account, promise: manifest.promise, events: [] };
    }
    if (this.#story === undefined) return;
    const [, index] = /^leaf\/([0-9]+)$/.exec(path) ?? [];
    if (index !== undefined) this.#noteLeaf(this.#story, Number(index), bytes);
    else if (path.startsWith("openings/")) this.#noteOpenings(bytes);
  }

  #noteLeaf({ events }: Story, index: number, bytes: Uint8Array): void {
    const envelope = envelopeIn(bytes);
    if (envelope === undefined) return;
    this.#last = { index, envelope, texts: (envelope.sealed ?? []).map(({ field = "" }) => ({ field, text: undefined })) };
    if (events.length < eventCountMax) events.push(this.#last);
    else this.#skippedCount += 1;
  }

  #noteOpenings(bytes: Uint8Array): void {
    for (const opening of parseOpenings(bytes) ?? []) {
      const place = this.#last?.texts.find(({ field, text }) => field === opening.field && text === undefined);
      if (place !== undefined && opening.event === this.#last?.envelope.id && "value" in opening) place.text = opening.value;
    }
  }
}

function manifestOrNone(bytes: Uint8Array): ReturnType<typeof parseManifest> {
  try {
    return parseManifest(bytes);
  } catch {
    return undefined; // The verifier says what is wrong with it.
  }
}

function envelopeIn(bytes: Uint8Array): Envelope | undefined {
  try {
    return (JSON.parse(textOf(bytes) ?? "null") as Envelope | null) ?? undefined;
  } catch {
    return undefined;
  }
}
