import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { inclusionProof, rootHash } from "../../src/audit/merkle.ts";
import { parsePolicy } from "../../src/audit/policy.ts";
import { formatReceipt, verifyReceipt } from "../../src/audit/receipt.ts";
import { cosign, signTreeHead, treeHeadText } from "../../src/audit/tree-head.ts";
import { formatVerifierKey } from "../../src/audit/verifier-key.ts";
import { auditError, east, leafAt, leafHashes, logKey, origin } from "./log.examples.ts";

const verifiedByWebCrypto = vi.hoisted(() => ({ count: 0 }));

/** Signs as ever, and verifies as a browser would: with WebCrypto, which answers later. */
vi.mock(import("../../src/audit/signature.ts"), async (original) => ({
  ...(await original()),
  verifyEd25519: async (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => {
    verifiedByWebCrypto.count++;
    const key = await crypto.subtle.importKey("raw", Buffer.from(publicKey), "Ed25519", false, ["verify"]);
    return crypto.subtle.verify("Ed25519", key, Buffer.from(signature), Buffer.from(message));
  },
}));

describe("in a browser", () => {
  it("receipts verify by WebCrypto", async () => {
    const head = { origin, size: 9, root: rootHash(leafHashes(9)) };
    const note = signTreeHead(head, [logKey]) + cosign(treeHeadText(head), east, 40);
    const receipt = formatReceipt({ index: 4, proof: inclusionProof(leafHashes(9), 4), note });
    const policy = parsePolicy(`log ${formatVerifierKey(logKey)}\nwitness e ${formatVerifierKey(east)}\nquorum e\n`);
    expect((await verifyReceipt(leafAt(4), receipt, policy)).quorum).toEqual({ met: true, time: 40 });
    expect(verifiedByWebCrypto.count).toBe(2);
    const forged = receipt.replace("\n9\n", "\n8\n");
    expect(await auditError(() => verifyReceipt(leafAt(4), forged, policy))).toEqual({ code: "bad-signature" });
  });

  it("the audit log uses nothing that Node alone has, but in the modules for hashing and signing", () => {
    const folder = join(import.meta.dirname, "../../src/audit");
    const own = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
    const using = own.filter((file) =>
      /\bBuffer\b|\bprocess\.|\bglobal\b|from "node:/.test(readFileSync(join(folder, file), "utf8")),
    );
    expect(using.sort()).toEqual(["sha256.ts", "signature.ts"]);
  });
});
