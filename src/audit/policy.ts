/** Whom an auditor trusts, in a file of the auditor's own (C2SP tlog-policy): logs, witnesses, and how many must have seen. */
import { textOf, utf8 } from "./encoding.ts";
import { AuditError } from "./errors.ts";
import { type Cosignature, type OpenedTreeHead, openTreeHead } from "./tree-head.ts";
import { isSameKey, parseVerifierKey, signatureType, type VerifierKey } from "./verifier-key.ts";

export type PolicyLog = { key: VerifierKey; url?: string };
export type PolicyWitness = { kind: "witness"; name: string; key: VerifierKey; url?: string };
/** Has witnessed a head once `threshold` of its members have. No name is a member twice, so groups make a tree. */
export type PolicyGroup = { kind: "group"; name: string; threshold: number; members: PolicyMember[] };
export type PolicyMember = PolicyWitness | PolicyGroup;

export type Policy = { logs: PolicyLog[]; witnesses: PolicyWitness[]; quorum: PolicyMember | "none" };

const policyBytesMax = 1_000_000;
/** Bounds how deep groups can be nested. The specification asks for 32. */
const groupsMax = 1_000;

/**
 * @param file bytes as they came. Names are octets, told apart as such: UTF-8 only shows them.
 * @throws AuditError malformed-policy with the line at fault, where it is one line's.
 */
export function parsePolicy(file: string | Uint8Array): Policy {
  const bytes = typeof file === "string" ? utf8(file) : file;
  if (bytes.length > policyBytesMax) throw new AuditError("malformed-policy", "the policy is too long");
  const reader = new PolicyReader();
  for (const [at, line] of octets(bytes).split("\n").entries()) reader.read(line, at + 1);
  return reader.policy();
}

/** One character an octet, so that names compare as octets and any of them can be read. */
const octets = (bytes: Uint8Array): string => Array.from(bytes, (octet) => String.fromCharCode(octet)).join("");

/** What octets say to people. */
const shown = (text: string): string => textOf(Uint8Array.from(text, (octet) => octet.charCodeAt(0))) ?? text;

class PolicyReader {
  readonly #logs: PolicyLog[] = [];
  readonly #witnesses: PolicyWitness[] = [];
  readonly #members = new Map<string, PolicyMember>();
  readonly #grouped = new Set<string>();
  #groups = 0;
  #quorum: PolicyMember | "none" | undefined;
  #line = 0;

  read(line: string, number: number): void {
    this.#line = number;
    if (/[^\t\x20-\x7e\x80-\xff]/.test(line)) throw this.#error("a policy has no control characters but tab and LF");
    const [keyword = "", ...items] = line.split(/[\t ]+/).filter((item) => item !== "");
    if (keyword === "" || keyword.startsWith("#")) return;
    switch (keyword) {
      case "log":
        return this.#readLog(items);
      case "witness":
        return this.#readWitness(items);
      case "group":
        return this.#readGroup(items);
      case "quorum":
        return this.#readQuorum(items);
      default:
        throw this.#error("a line begins with log, witness, group or quorum");
    }
  }

  policy(): Policy {
    if (this.#quorum === undefined) throw new AuditError("malformed-policy", "the policy has no line quorum");
    return { logs: this.#logs, witnesses: this.#witnesses, quorum: this.#quorum };
  }

  #readLog(items: string[]): void {
    const [keyText, url, ...more] = items;
    if (keyText === undefined || more.length > 0) throw this.#error("write log <key> [<url>]");
    const key = this.#key(keyText);
    if (this.#logs.some((log) => isSamePublicKey(log.key, key))) throw this.#error("this log is listed twice");
    this.#logs.push({ key, ...addressed(url) });
  }

  #readWitness(items: string[]): void {
    const [name, keyText, url, ...more] = items;
    if (name === undefined || keyText === undefined || more.length > 0) throw this.#error("write witness <name> <key> [<url>]");
    const key = this.#key(keyText);
    if (key.type === signatureType.ed25519) throw this.#error("a witness has a key for cosignatures, type 04 or 06");
    if (this.#witnesses.some((witness) => isSamePublicKey(witness.key, key))) throw this.#error("this witness is listed twice");
    const witness: PolicyWitness = { kind: "witness", name: shown(name), key, ...addressed(url) };
    this.#define(name, witness);
    this.#witnesses.push(witness);
  }

  #readGroup(items: string[]): void {
    const [name, thresholdText, ...names] = items;
    if (name === undefined || thresholdText === undefined || names.length === 0) {
      throw this.#error("write group <name> <number, any or all> <member> …");
    }
    if (++this.#groups > groupsMax) throw this.#error(`a policy has at most ${groupsMax} groups`);
    const members = names.map((member) => this.#member(member));
    const threshold = this.#threshold(thresholdText, members.length);
    this.#define(name, { kind: "group", name: shown(name), threshold, members });
  }

  #readQuorum(items: string[]): void {
    const [name, ...more] = items;
    if (name === undefined || more.length > 0) throw this.#error("write quorum <name>, or quorum none");
    if (this.#quorum !== undefined) throw this.#error("a policy has one line quorum");
    this.#quorum = name === "none" ? "none" : this.#defined(name);
  }

  #define(name: string, member: PolicyMember): void {
    if (name === "none") throw this.#error("the name none is taken");
    if (this.#members.has(name)) throw this.#error(`the name ${shown(name)} is taken`);
    this.#members.set(name, member);
  }

  #defined(name: string): PolicyMember {
    const member = this.#members.get(name);
    if (!member) throw this.#error(`no line above defines ${shown(name)}`);
    return member;
  }

  /** Each at most once in the whole file, so that no witness counts twice. */
  #member(name: string): PolicyMember {
    const member = this.#defined(name);
    if (this.#grouped.has(name)) throw this.#error(`${shown(name)} is a member of a group already`);
    this.#grouped.add(name);
    return member;
  }

  #threshold(text: string, count: number): number {
    if (text === "any") return 1;
    if (text === "all") return count;
    const threshold = /^[1-9][0-9]{0,8}$/.test(text) ? Number(text) : 0;
    if (threshold < 1 || threshold > count) throw this.#error(`write any, all or a number from 1 to ${count}`);
    return threshold;
  }

  #key(octets: string): VerifierKey {
    try {
      return parseVerifierKey(shown(octets));
    } catch (error) {
      if (error instanceof AuditError) throw this.#error(error.message);
      throw error;
    }
  }

  #error(message: string): AuditError {
    return new AuditError("malformed-policy", message, this.#line);
  }
}

const addressed = (url: string | undefined): { url?: string } => (url === undefined ? {} : { url: shown(url) });

/** One key under two names, or as two types, is still one key. */
const isSamePublicKey = (a: VerifierKey, b: VerifierKey): boolean =>
  isSameKey({ ...a, name: "", id: 0 }, { ...b, name: "", id: 0 });

/** Whether enough witnesses have seen a head, and by when they had, in seconds since 1970 by their own clocks. */
export type Quorum = { met: true; time?: number } | { met: false };

/**
 * The time is that of the cosignature which made the quorum, in order of their times: by then every leaf of the tree had been
 * recorded. There is none under `quorum none`.
 */
export function quorumOf({ quorum }: Policy, cosignatures: readonly Cosignature[]): Quorum {
  if (quorum === "none") return { met: true };
  const time = witnessedAt(quorum, cosignatures);
  return time === Infinity ? { met: false } : { met: true, time };
}

/** When a witness had seen, or as many members of a group as it takes; Infinity for never. */
function witnessedAt(member: PolicyMember, cosignatures: readonly Cosignature[]): number {
  if (member.kind === "witness") {
    return Math.min(...cosignatures.filter(({ key }) => isSameKey(key, member.key)).map(({ time }) => time));
  }
  const times = member.members.map((inner) => witnessedAt(inner, cosignatures)).sort((a, b) => a - b);
  return times[member.threshold - 1]!;
}

/**
 * A tree head signed by a log of the policy, and whether its witnesses are enough. A quorum not met throws nothing: the head
 * may be sound all the same, and the caller must look.
 *
 * @throws AuditError as `openTreeHead` does.
 */
export async function openUnderPolicy(
  note: string | Uint8Array,
  policy: Policy,
): Promise<{ treeHead: OpenedTreeHead; quorum: Quorum }> {
  const logs = policy.logs.map(({ key }) => key);
  const witnesses = policy.witnesses.map(({ key }) => key);
  const treeHead = await openTreeHead(note, logs, witnesses);
  return { treeHead, quorum: quorumOf(policy, treeHead.cosignatures) };
}
