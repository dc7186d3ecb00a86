/** Ed25519 in a browser, by WebCrypto: in place of `src/audit/signature.ts`. Nothing is signed here. */
export const seedBytes = 32;
export const publicKeyBytes = 32;

/** The browser can't check signatures: too old, or the page came over plain HTTP from another machine. */
export class NoSignatureCheckError extends Error {
  constructor(options?: ErrorOptions) {
    super("this browser can't check Ed25519 signatures here", options);
    this.name = "NoSignatureCheckError";
  }
}

/** @throws NoSignatureCheckError: that nothing could be checked must not pass for a signature that is wrong. */
export async function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const { subtle } = globalThis.crypto;
  if (subtle === undefined) throw new NoSignatureCheckError();
  try {
    const key = await subtle.importKey("raw", publicKey.slice(), "Ed25519", false, ["verify"]);
    return await subtle.verify("Ed25519", key, signature.slice(), message.slice());
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotSupportedError") throw new NoSignatureCheckError({ cause: error });
    return false;
  }
}

const refused = (): never => {
  throw new Error("a browser only checks signatures");
};
export const signEd25519 = refused;
export const publicKeyOf = refused;
