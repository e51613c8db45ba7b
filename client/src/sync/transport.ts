import type { ClientMessage, ServerMessage } from "@/protocol/types";
import type { Close } from "./reconnect-policy";

/**
 * The seam between what is said and how it travels. A WebSocket is one way; holding requests to `/api/v1/events` open
 * is another one for places without WebSockets, and speaks the same messages.
 */
export interface Transport {
  /** Exactly one `closed` follows, and nothing after it. Never calls back before it has returned. */
  connect(handlers: LinkHandlers): Link;
}

export interface LinkHandlers {
  opened(): void;
  /** All messages that arrived together, so that the screen is drawn once for them. */
  received(messages: ServerMessage[]): void;
  closed(close: Close): void;
}

export interface Link {
  send(message: ClientMessage): void;
  close(code?: number): void;
}
