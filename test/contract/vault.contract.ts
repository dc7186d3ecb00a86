/** What every vault keeps to, whatever holds its keys. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commitmentTo } from "../../src/vault/sealing.ts";
import {
  type AccessLogQuery,
  type ErasableVault,
  type OpenRequest,
  SubjectErasedError,
  VaultUnavailableError,
} from "../../src/vault/vault.ts";
import {
  anna,
  ben,
  evening,
  event,
  firstVisit,
  noon,
  note,
  person,
  read,
  reader,
  requestFor,
  sealOne,
  secondVisit,
  withCommitment,
} from "../vault/examples.ts";

/** @param textRuns of the property that any text is opened as it was; fewer where each costs several waits for a disk. */
export function vaultContract(name: string, open: () => ErasableVault | Promise<ErasableVault>, textRuns = 40): void {
  describe(`${name}: a vault`, () => {
    let vault: ErasableVault;
    beforeEach(async () => void (vault = await open()));
    afterEach(() => vault.close());

    describe("sealing", () => {
      it("gives one commitment a field, in order, and opens to the same texts", async () => {
        const fields = [
          note(anna, "Anna Amsel", "name"),
          note(ben, "prefers the morning"),
          note(anna, "anna@example.org", "email"),
        ];
        const sealed = await vault.seal({ event: firstVisit, fields });
        expect(sealed.commitments.map(({ subject, field }) => ({ subject, field }))).toEqual(
          fields.map(({ subject, field }) => ({ subject, field })),
        );
        expect(await read(vault, requestFor(firstVisit, sealed))).toEqual(fields.map(({ value }) => value));
      });

      it("opens any text as it was", async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(fc.string({ unit: "binary" }), { maxLength: 4 }), async (texts) => {
            const sealed = await vault.seal({ event: firstVisit, fields: texts.map((text) => note(anna, text)) });
            expect(await read(vault, requestFor(firstVisit, sealed))).toEqual(texts);
          }),
          { numRuns: textRuns },
        );
      });

      it("refuses a text that has no canonical form", async () => {
        await expect(vault.seal({ event: firstVisit, fields: [note(anna, "half a smile \uD83D")] })).rejects.toThrow();
      });

      it("discloses with each text the salt that proves its commitment", async () => {
        const request = await sealOne(vault, firstVisit, anna, "likes chess");
        const opened = (await vault.open([request], reader))[0]![0]!;
        const salt = Buffer.from(opened.status === "opened" ? opened.salt : "", "base64");
        expect(commitmentTo(salt, "likes chess")).toBe(request.sealed[0]!.commitment);
        expect(commitmentTo(salt, "likes cheese")).not.toBe(request.sealed[0]!.commitment);
      });

      it("commits to the same text differently each time", async () => {
        const fields = [note(anna, "yes"), note(anna, "yes"), note(ben, "yes")];
        const sealed = [await vault.seal({ event: firstVisit, fields }), await vault.seal({ event: firstVisit, fields })];
        expect(new Set(sealed.flatMap(({ commitments }) => commitments.map(({ commitment }) => commitment))).size).toBe(6);
        expect(new Set(sealed.flatMap(({ ciphertext }) => entriesOf(ciphertext).map(({ c }) => c))).size).toBe(6);
      });

      it("writes key version and base64 of nonce, ciphertext and tag", async () => {
        const { ciphertext } = await vault.seal({ event: firstVisit, fields: [note(anna, "chess")] });
        expect(ciphertext).toMatch(/^\[\{"k":1,"c":"[A-Za-z0-9+/]+=*"\}\]$/);
        expect(Buffer.from(entriesOf(ciphertext)[0]!.c, "base64")).toHaveLength(12 + 32 + '"chess"'.length + 16);
      });

      it("seals nothing where nothing is personal", async () => {
        expect(await vault.seal({ event: firstVisit, fields: [] })).toEqual({ commitments: [], ciphertext: "[]" });
      });

      it("gives a subject one key, however many segments ask for it at once", async () => {
        const requests = await Promise.all(
          Array.from({ length: 20 }, (_, index) => sealOne(vault, event(index), anna, `note ${index}`)),
        );
        const opened = await vault.open(requests, reader);
        expect(opened.flat().map((segment) => segment.status === "opened" && segment.value)).toEqual(
          requests.map((_, index) => `note ${index}`),
        );
      });
    });

    describe("opening", () => {
      let request: OpenRequest;
      beforeEach(async () => {
        request = await sealOne(vault, firstVisit, anna, "likes chess");
        await sealOne(vault, firstVisit, ben, "does not");
      });

      it("refuses a ciphertext moved to another event, field or subject", async () => {
        expect(await read(vault, { ...request, event: secondVisit })).toEqual(["(unavailable)"]);
        expect(await read(vault, withCommitment(request, { field: "name" }))).toEqual(["(unavailable)"]);
        expect(await read(vault, withCommitment(request, { subject: ben }))).toEqual(["(unavailable)"]);
        expect(await read(vault, request)).toEqual(["likes chess"]);
      });

      it("refuses another commitment, even to the same text", async () => {
        const again = await sealOne(vault, firstVisit, anna, "likes chess");
        expect(await read(vault, { ...request, sealed: again.sealed })).toEqual(["(unavailable)"]);
        expect(await read(vault, { ...request, ciphertext: again.ciphertext })).toEqual(["(unavailable)"]);
      });

      it("refuses a ciphertext in which any one byte was changed, or which was cut", async () => {
        const { c } = entriesOf(request.ciphertext!)[0]!;
        const bytes = Buffer.from(c, "base64");
        const altered = Array.from(bytes, (_, index) => Buffer.from(bytes.map((byte, at) => (at === index ? byte ^ 1 : byte))));
        const cut = [0, 5, 12, 28, bytes.length - 1].map((length) => bytes.subarray(0, length));
        for (const wrong of [...altered, ...cut]) {
          const ciphertext = JSON.stringify([{ k: 1, c: wrong.toString("base64") }]);
          expect(await read(vault, { ...request, ciphertext })).toEqual(["(unavailable)"]);
        }
      });

      it("says unavailable where the ciphertext is missing, blanked, under another key or not one at all", async () => {
        const { c } = entriesOf(request.ciphertext!)[0]!;
        const wrong = [
          null,
          "[]",
          "[null]",
          "{}",
          "[7]",
          "[{}]",
          "not JSON",
          JSON.stringify([{ k: 2, c }]),
          JSON.stringify([{ k: "1", c }]),
        ];
        for (const ciphertext of wrong) expect(await read(vault, { ...request, ciphertext })).toEqual(["(unavailable)"]);
      });

      it("says unavailable for a subject without a key", async () => {
        expect(await read(vault, withCommitment(request, { subject: person(99) }))).toEqual(["(unavailable)"]);
      });

      it("opens the other segments of an event of which one was blanked", async () => {
        const sealed = await vault.seal({ event: firstVisit, fields: [note(anna, "one"), note(ben, "two")] });
        const ciphertext = JSON.stringify([null, entriesOf(sealed.ciphertext)[1]]);
        expect(await read(vault, { ...requestFor(firstVisit, sealed), ciphertext })).toEqual(["(unavailable)", "two"]);
      });
    });

    describe("the access log", () => {
      it("holds one line an event, newest first, with each subject once", async () => {
        const both = requestFor(
          firstVisit,
          await vault.seal({ event: firstVisit, fields: [note(anna, "a"), note(ben, "b"), note(anna, "c")] }),
        );
        const one = await sealOne(vault, secondVisit, ben, "d");
        await vault.open([both, one], reader);
        await vault.open([both], { key: "auditor", purpose: "export", at: evening });
        const line = { at: noon, key: reader.key, purpose: "timeline" };
        const lines = [
          { line: 3, at: evening, key: "auditor", purpose: "export", event: firstVisit, subjects: [anna, ben] },
          { line: 2, ...line, event: secondVisit, subjects: [ben] },
          { line: 1, ...line, event: firstVisit, subjects: [anna, ben] },
        ];
        expect(await vault.accessLog({ limit: 10 })).toEqual({ lines });
      });

      /** Lines of the whole log, page by page. */
      async function paged(query: Omit<AccessLogQuery, "before">): Promise<number[][]> {
        const pages: number[][] = [];
        for (let before: number | undefined; ;) {
          const { lines, next } = await vault.accessLog({ ...query, before });
          pages.push(lines.map(({ line }) => line));
          if (next === undefined) return pages;
          before = next;
        }
      }

      it("comes in pages, whole and in order, for everybody, one subject or one key", async () => {
        const [annas, bens] = [await sealOne(vault, firstVisit, anna, "a"), await sealOne(vault, secondVisit, ben, "b")];
        for (const key of ["key-1", "key-2"])
          for (const request of [annas, bens, annas]) await vault.open([request], { key, purpose: "timeline", at: noon });
        expect(await paged({ limit: 4 })).toEqual([
          [6, 5, 4, 3],
          [2, 1],
        ]);
        expect((await paged({ limit: 6 })).flat()).toEqual([6, 5, 4, 3, 2, 1]);
        expect((await paged({ limit: 2, subject: anna })).flat()).toEqual([6, 4, 3, 1]);
        expect((await paged({ limit: 1, subject: anna, key: "key-1" })).flat()).toEqual([3, 1]);
        expect((await paged({ limit: 9, key: "key-3" })).flat()).toEqual([]);
      });

      it("keeps the lines of a subject that was erased: they hold ids alone", async () => {
        await read(vault, await sealOne(vault, firstVisit, anna, "a"));
        const before = await vault.accessLog({ limit: 10, subject: anna });
        await vault.erase(anna, noon);
        expect(await vault.accessLog({ limit: 10, subject: anna })).toEqual(before);
        expect(before.lines).toHaveLength(1);
      });

      it("holds the attempt that opened nothing, and no line where nothing is sealed", async () => {
        const sealed = await sealOne(vault, firstVisit, anna, "a");
        await vault.open([{ ...sealed, ciphertext: null }], reader);
        expect(await vault.open([{ event: secondVisit, sealed: [], ciphertext: null }], reader)).toEqual([[]]);
        expect((await vault.accessLog({ limit: 10 })).lines.map((line) => line.event)).toEqual([firstVisit]);
      });
    });

    describe("erasing", () => {
      it("leaves nothing to open, with or without the ciphertext, and nothing of others is touched", async () => {
        const sealed = await vault.seal({ event: firstVisit, fields: [note(anna, "one"), note(ben, "two")] });
        const request = requestFor(firstVisit, sealed);
        await vault.erase(anna, noon);
        expect(await read(vault, request)).toEqual(["(erased)", "two"]);
        expect(await read(vault, { ...request, ciphertext: null })).toEqual(["(erased)", "(unavailable)"]);
      });

      it("refuses the subject for ever, and mints no key again", async () => {
        const request = await sealOne(vault, firstVisit, anna, "one");
        await vault.erase(anna, noon);
        await vault.erase(anna, evening);
        expect(vault.tombstones()).toEqual([{ subject: anna, at: noon }]);
        const refused = vault.seal({ event: secondVisit, fields: [note(ben, "two"), note(anna, "three")] });
        await expect(refused).rejects.toThrow(SubjectErasedError);
        await expect(refused).rejects.toMatchObject({ subject: anna });
        expect(await read(vault, request)).toEqual(["(erased)"]);
      });

      it("refuses a subject that was erased before it ever had a key", async () => {
        await vault.erase(ben, noon);
        await expect(sealOne(vault, firstVisit, ben, "two")).rejects.toThrow(SubjectErasedError);
      });

      it("wins over a key that is being minted at the same moment, whoever asked first", async () => {
        const [sealed] = await Promise.all([sealOne(vault, firstVisit, anna, "one"), vault.erase(anna, noon)]);
        expect(await read(vault, sealed)).toEqual(["(erased)"]);
        await expect(sealOne(vault, secondVisit, anna, "two")).rejects.toThrow(SubjectErasedError);

        const [, refused] = await Promise.allSettled([vault.erase(ben, noon), sealOne(vault, firstVisit, ben, "one")]);
        expect(refused).toMatchObject({ status: "rejected", reason: { name: "SubjectErasedError", subject: ben } });
      });
    });

    describe("fingerprints", () => {
      it("are 64 hex digits, equal for equal texts alone, and another vault's differ", async () => {
        const other = await open();
        expect(vault.fingerprint("crm:4711")).toMatch(/^[0-9a-f]{64}$/);
        expect(vault.fingerprint("crm:4711")).toBe(vault.fingerprint("crm:4711"));
        expect(vault.fingerprint("crm:4712")).not.toBe(vault.fingerprint("crm:4711"));
        expect(other.fingerprint("crm:4711")).not.toBe(vault.fingerprint("crm:4711"));
        await other.close();
      });
    });

    it("gives nothing once closed", async () => {
      const request = await sealOne(vault, firstVisit, anna, "one");
      await vault.close();
      await vault.close();
      await expect(sealOne(vault, firstVisit, anna, "two")).rejects.toThrow(VaultUnavailableError);
      await expect(sealOne(vault, firstVisit, person(7), "three")).rejects.toThrow(VaultUnavailableError);
      await expect(vault.open([request], reader)).rejects.toThrow(VaultUnavailableError);
      await expect(vault.erase(anna, noon)).rejects.toThrow(VaultUnavailableError);
      await expect(vault.accessLog({ limit: 1 })).rejects.toThrow(VaultUnavailableError);
    });
  });
}

const entriesOf = (ciphertext: string) => JSON.parse(ciphertext) as { k: number; c: string }[];
