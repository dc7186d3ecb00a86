/** A ledger can't be moved as was asked; nothing of it is lost. The message says what to do. */
export class MoveError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "MoveError";
  }
}
