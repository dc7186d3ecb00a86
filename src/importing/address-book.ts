/** Who stands behind an e-mail address: somebody of ours, somebody at an account, or nobody known. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { accountId, type Instant, personId, slug } from "../domain/values.ts";
import type { Json } from "./fields.ts";
import type { CommandLine, Warning } from "./items.ts";

const external = z.strictObject({ source: slug, externalId: z.string().min(1).max(200) });
export const accountRef = z.union([accountId, external]).describe("An id, or `{source, externalId}` as it was opened with.");
export const personRef = z.union([personId, external]).describe("An id, or `{source, externalId}` as it was added with.");
export type Ref = string | { source: string; externalId: string };

const address = z.string().regex(/^[^\s@]+@[^\s@]+$/, "must be an e-mail address");
const domain = z.string().regex(/^[^\s@]+\.[^\s@.]+$/, "must be a domain such as `harbour.example`");

/** Domains at which everybody is a household of its own. */
const privateDomains = [
  "gmail.com",
  "googlemail.com",
  "outlook.com",
  "hotmail.com",
  "live.com",
  "yahoo.com",
  "icloud.com",
  "gmx.de",
  "gmx.net",
  "web.de",
  "proton.me",
  "aol.com",
];

export const addressBook = {
  ours: z
    .strictObject({
      people: z.record(address, personRef).default({}),
      domains: z.array(domain).default([]),
    })
    .prefault({})
    .describe("Addresses of our people, and domains at which everybody is one of ours."),
  people: z
    .record(address, z.strictObject({ account: accountRef, person: personRef.optional() }))
    .default({})
    .describe("Addresses at accounts."),
  accounts: z.record(domain, accountRef).default({}).describe("Domains of accounts, those below them included."),
  ignore: z
    .array(z.union([address, domain]))
    .default([])
    .describe("Addresses and domains that are no customers."),
  opening: z
    .strictObject({
      source: slug.prefault("address"),
      timeZone: z.string().default("UTC"),
      privateDomains: z.array(domain).default(privateDomains),
    })
    .prefault({})
    .describe(
      "How --create opens what is missing: an account for a domain (at `privateDomains` for an address), a person for an address.",
    ),
};
type Book = { [Name in keyof typeof addressBook]: z.output<(typeof addressBook)[Name]> };

/** An address in lower case, with the name that stood beside it. */
export type Mailbox = { address: string; name?: string };

export type Known =
  { side: "ours"; person?: Ref } | { side: "theirs"; account: Ref; person?: Ref } | { side: "none"; warning?: Warning };

/** Openings that were made before are remembered up to so many; what is sent again is known again. */
const openedCountMax = 100_000;

export class AddressBook {
  readonly #book: Book;
  readonly #creates: boolean;
  readonly #ours: Set<string>;
  readonly #ignored: Set<string>;
  readonly #opened = new Set<string>();
  #openings: CommandLine[] = [];

  /** @param creates opens what is missing. */
  constructor(written: Book, creates: boolean) {
    this.#book = {
      ...written,
      people: lowerCased(written.people),
      accounts: lowerCased(written.accounts),
      ours: { ...written.ours, people: lowerCased(written.ours.people) },
    };
    this.#creates = creates;
    this.#ours = new Set(written.ours.domains.map((each) => each.toLowerCase()));
    this.#ignored = new Set(written.ignore.map((each) => each.toLowerCase()));
  }

  /** @param at when it was met: what is opened for it is opened as of then. */
  known(mailbox: Mailbox, at: Instant): Known {
    const { address } = mailbox;
    const domains = domainsOf(address);
    if (this.#ignored.has(address) || domains.some((each) => this.#ignored.has(each))) return { side: "none" };
    const colleague = own(this.#book.ours.people, address);
    if (colleague !== undefined) return { side: "ours", person: colleague };
    const person = own(this.#book.people, address);
    if (person !== undefined) return { side: "theirs", ...person };
    if (domains.some((each) => this.#ours.has(each)))
      return this.#creates ? { side: "ours", person: this.#opensPerson(mailbox, undefined, at) } : { side: "ours" };
    const at_ = domains.map((each) => own(this.#book.accounts, each)).find((each) => each !== undefined);
    if (!this.#creates)
      return at_ === undefined ? { side: "none", warning: "unknown-address" } : { side: "theirs", account: at_ };
    const account = at_ ?? this.#opensAccount(address, domains[0]!, at);
    return { side: "theirs", account, person: this.#opensPerson(mailbox, account, at) };
  }

  /** What has to be opened for those who were asked for since the last call. */
  takeOpenings(): CommandLine[] {
    const openings = this.#openings;
    this.#openings = [];
    return openings;
  }

  #opensAccount(address: string, domain: string, at: Instant): Ref {
    const { source, timeZone, privateDomains } = this.#book.opening;
    const name = privateDomains.includes(domain) ? address : domain;
    const reference = { source, externalId: bounded(name) };
    this.#opens(`account ${name}`, { command: "open-account", body: { ...reference, name: name.slice(0, 200), timeZone, at } });
    return reference;
  }

  #opensPerson({ address, name }: Mailbox, account: Ref | undefined, at: Instant): Ref {
    const { source } = this.#book.opening;
    const reference = { source, externalId: bounded(address) };
    const body: Record<string, Json> = { ...reference, name: (name ?? address).slice(0, 200), at };
    if (address.length <= 320) body["email"] = address;
    if (account !== undefined) body["account"] = account;
    this.#opens(`person ${address}`, { command: "add-person", body });
    return reference;
  }

  #opens(what: string, line: CommandLine): void {
    if (this.#opened.has(what)) return;
    if (this.#opened.size >= openedCountMax) this.#opened.clear();
    this.#opened.add(what);
    this.#openings.push(line);
  }
}

const lowerCased = <Value>(record: Record<string, Value>): Record<string, Value> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name.toLowerCase(), value]));

const own = <Value>(record: Record<string, Value>, name: string): Value | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;

/** `a@eu.harbour.example` is at eu.harbour.example and at harbour.example, and at nothing above. */
function domainsOf(address: string): string[] {
  const parts = address.slice(address.lastIndexOf("@") + 1).split(".");
  return parts.slice(0, -1).map((_, index) => parts.slice(index).join("."));
}

/** An id of another system as the API takes it: a longer one by its hash. */
export const bounded = (id: string): string =>
  id.length <= 160 && !/[\p{Cc}\p{Cs}]/u.test(id) ? id : `sha256:${createHash("sha256").update(id).digest("hex")}`;

/** Who took part, by account: `ours` with those of the account, in the order in which they were met. */
export type Party = { account: Ref; participants: Ref[] };

const participantCountMax = 100;

export function parties(met: readonly Known[]): Party[] {
  const ours = met.flatMap((each) => (each.side === "ours" && each.person !== undefined ? [each.person] : []));
  const theirs = met.filter((each) => each.side === "theirs");
  return [...Map.groupBy(theirs, ({ account }) => JSON.stringify(account)).values()].map((some) => ({
    account: some[0]!.account,
    participants: distinct([...ours, ...some.flatMap(({ person }) => (person === undefined ? [] : [person]))]).slice(
      0,
      participantCountMax,
    ),
  }));
}

const distinct = (references: Ref[]): Ref[] => [...new Map(references.map((each) => [JSON.stringify(each), each])).values()];

/** Those of ours without an id and those whom nobody knows, each kind once. */
export function warningsOn(met: readonly Known[]): Warning[] {
  const warnings = new Set<Warning>();
  for (const each of met) {
    if (each.side === "ours" && each.person === undefined) warnings.add("unknown-colleague");
    if (each.side === "none" && each.warning !== undefined) warnings.add(each.warning);
  }
  return [...warnings];
}
