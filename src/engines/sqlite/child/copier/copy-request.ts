/** What the copying process is asked for, one request after the other. The target must not exist. */
export interface CopyRequest {
  readonly from: string;
  readonly to: string;
  /** It is a write-ahead log in use, whose copy must be of one generation. */
  readonly log: boolean;
}

export type CopyReply =
  | { readonly ok: true }
  | { readonly ok: false; readonly message: string; readonly code: string | undefined };
