/** Encoded words (RFC 2047) in headers, as text. What can't be decoded stays as it is written. */
const word = /=\?([^?\s*]{1,40})(?:\*[^?\s]*)?\?([BbQq])\?([^?\s]*)\?=/g;

export function decodedWords(text: string): string {
  if (!text.includes("=?")) return text;
  // Space between two encoded words is no text.
  return text
    .replace(/(\?=)[ \t]+(?==\?)/g, "$1")
    .replace(word, (written: string, charset: string, form: string, encoded: string) => {
      try {
        return new TextDecoder(charset).decode(form.toUpperCase() === "B" ? Buffer.from(encoded, "base64") : unquoted(encoded));
      } catch {
        return written;
      }
    });
}

const unquoted = (encoded: string): Buffer =>
  Buffer.from(
    encoded.replaceAll("_", " ").replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    "latin1",
  );
