/**
 * The log's part of the keys folder: its key in `log.key`, with the public keys before it below, and in `log.head` the head that was
 * signed last. The head lies here too because the data folder may be restored from a backup, and the key must not sign a log that
 * has forgotten something.
 *
 * While the key is rotated: `log.key.next` holds the new key until the log holds the event that names it; then `log.key.old` the
 * old one, for as long as both sign. At every step the key in `log.key` is the one that the log names, or is about to name.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type KeyRotation, signKeyRotation } from "../audit/key-rotation.ts";
import { seedBytes } from "../audit/signature.ts";
import {
  formatSignerKey,
  formatVerifierKey,
  isSameKey,
  parseSignerKey,
  parseVerifierKey,
  signatureType,
  signerKey,
  type SignerKey,
  type VerifierKey,
  verifierOf,
} from "../audit/verifier-key.ts";
import type { Log } from "../event-store/log.ts";
import { makeSecretFile, readSecretFile, removeFile, replaceSecretFile } from "../secret-files/secret-files.ts";
import type { HeadStore, LogKeys } from "./stores.ts";

const keyFile = "log.key";
const headFile = "log.head";

export type KeysOfFolder = LogKeys & {
  /** Makes the next key where there is none yet. What it signs is put to use once the log holds it. */
  prepareRotation(change: Pick<KeyRotation, "treeHead" | "oldKeyUntil">): KeyRotation;
};

export type LogKeysParts = {
  folder: string;
  /** The name of the log's key for ever. */
  origin: string;
  log: Pick<Log, "readStream">;
  /** Whether heads of this log are kept: a new key would leave every receipt without a log. */
  isSigned: boolean;
  /** As an instant. */
  now(): string;
};

/**
 * The keys of the log; the first one is made where there is none yet.
 * @throws Error that tells the operator what to do: the key is lost, is another log's, or can be read by others.
 */
export function openLogKeys(parts: LogKeysParts): KeysOfFolder {
  const { folder, origin, isSigned } = parts;
  const path = join(folder, keyFile);
  if (!existsSync(path)) {
    if (isSigned || existsSync(join(folder, headFile)))
      throw new Error(`${path} is missing, but tree heads were signed with it: restore the keys folder from its backup`);
    makeSecretFile(path, `${formatSignerKey(newKey(origin))}\n`);
  }
  return new FolderKeys(parts);
}

const newKey = (origin: string): SignerKey => signerKey(origin, signatureType.ed25519, randomBytes(seedBytes));

/** What of a LogKeyRotated event the keys folder is about. */
type Rotation = Pick<KeyRotation, "newKey" | "oldKeyUntil">;

class FolderKeys implements KeysOfFolder {
  readonly #parts: LogKeysParts;
  readonly #path: string;
  #current: SignerKey;
  /** Newest first. */
  #earlier: VerifierKey[];
  #old: SignerKey | undefined;
  /** The last one that the log holds, as far as it was read. */
  #rotation: Rotation | undefined;
  #nextRevision = 0;

  constructor(parts: LogKeysParts) {
    this.#parts = parts;
    this.#path = join(parts.folder, keyFile);
    [this.#current, this.#earlier] = this.#read();
    this.#old = this.#keyIn("old");
    // Left by a process that was killed after it had put the key to use.
    const next = this.#keyIn("next");
    if (next !== undefined && this.#isKnown(formatVerifierKey(next))) removeFile(this.#file("next"));
  }

  verifiers(): readonly VerifierKey[] {
    return [verifierOf(this.#current), ...this.#earlier];
  }

  signersAt(size: number): readonly SignerKey[] {
    this.#follow(size);
    const isBridging = this.#rotation !== undefined && this.#parts.now() < this.#rotation.oldKeyUntil;
    if (this.#old === undefined || isSameKey(this.#old, this.#current)) return [this.#current];
    if (isBridging) return [this.#current, this.#old];
    // Whoever finds it later could sign as the log once did.
    if (this.#rotation !== undefined) {
      removeFile(this.#file("old"));
      this.#old = undefined;
    }
    return [this.#current];
  }

  prepareRotation(change: Pick<KeyRotation, "treeHead" | "oldKeyUntil">): KeyRotation {
    if (this.#keyIn("next") === undefined) makeSecretFile(this.#file("next"), `${formatSignerKey(newKey(this.#parts.origin))}\n`);
    return signKeyRotation(change, this.#current, this.#keyIn("next")!);
  }

  /** Puts the next key to use once the log says so, within this many leaves. */
  #follow(size: number): void {
    for (const { leaf, position, revision } of this.#parts.log.readStream("ledger", this.#nextRevision)) {
      if (position > size) break;
      this.#nextRevision = revision + 1;
      const { type, data } = JSON.parse(Buffer.from(leaf).toString("utf8")) as { type: string; data: Rotation };
      if (type === "LogKeyRotated") this.#rotation = data;
    }
    if (this.#rotation === undefined || this.#isKnown(this.#rotation.newKey)) return;
    const next = this.#keyIn("next");
    if (next === undefined || formatVerifierKey(next) !== this.#rotation.newKey)
      throw new Error(
        `the log's key was rotated to ${this.#rotation.newKey}, which is not in ${this.#path}: restore the keys folder`,
      );
    this.#switchTo(next);
  }

  /** In this order, a process killed in between finds the old key still in place, or the new one. */
  #switchTo(next: SignerKey): void {
    replaceSecretFile(this.#file("old"), `${formatSignerKey(this.#current)}\n`);
    const earlier = [verifierOf(this.#current), ...this.#earlier];
    replaceSecretFile(this.#path, `${[formatSignerKey(next), ...earlier.map(formatVerifierKey)].join("\n")}\n`);
    removeFile(this.#file("next"));
    this.#old = this.#current;
    this.#current = next;
    this.#earlier = earlier;
  }

  #isKnown(verifierKey: string): boolean {
    return this.verifiers().some((key) => formatVerifierKey(key) === verifierKey);
  }

  #read(): [SignerKey, VerifierKey[]] {
    const [own = "", ...earlier] = readSecretFile(this.#path).trimEnd().split("\n");
    const key = parseSignerKey(own);
    if (key.name !== this.#parts.origin) throw new Error(`${this.#path} is the key of ${key.name}, not of ${this.#parts.origin}`);
    return [key, earlier.map(parseVerifierKey)];
  }

  #keyIn(which: "next" | "old"): SignerKey | undefined {
    const path = this.#file(which);
    return existsSync(path) ? parseSignerKey(readSecretFile(path).trimEnd()) : undefined;
  }

  #file(which: "next" | "old"): string {
    return `${this.#path}.${which}`;
  }
}

/** The head beside the key. */
export function headBesideKey(folder: string): HeadStore {
  const path = join(folder, headFile);
  return {
    last: () => (existsSync(path) ? readFileSync(path, "utf8") : undefined),
    keep: ({ note }) => replaceSecretFile(path, note),
    close: () => undefined,
  };
}

/** The log's own public key and those before it; undefined where there is no key. Makes and changes nothing. */
export function verifiersIn(folder: string): readonly VerifierKey[] | undefined {
  const path = join(folder, keyFile);
  if (!existsSync(path)) return undefined;
  const [own = "", ...earlier] = readSecretFile(path).trimEnd().split("\n");
  return [verifierOf(parseSignerKey(own)), ...earlier.map(parseVerifierKey)];
}
