/** The package has declarations, but its export map hides them. Only what `beta.ts` uses. */
declare module "cephes" {
  /** Settles once the WebAssembly is ready. */
  export const compiled: Promise<void>;
  export function lgam(x: number): number;
  export function incbet(a: number, b: number, x: number): number;
  export function incbi(a: number, b: number, p: number): number;
}
