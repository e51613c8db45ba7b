/**
 * The one door through which the client knows the wire's types. They are generated from the server's own; here they
 * only get the names that read well on this side.
 */
import type { NewToken } from "./generated/NewToken";
import type { Problem } from "./generated/Problem";
import type { TicketWith } from "./generated/TicketWith";

export type { Attachment } from "./generated/Attachment";
export type { BulkOutcome } from "./generated/BulkOutcome";
export type { ClientMessage } from "./generated/ClientMessage";
export type { Code } from "./generated/Code";
export type { Command } from "./generated/Command";
export type { CreateTicket } from "./generated/CreateTicket";
export type { CreateUser as CreateAccount } from "./generated/CreateUser";
export type { DeskInfo } from "./generated/DeskInfo";
export type { Event as TicketEvent } from "./generated/Event";
export type { Events } from "./generated/Events";
export type { Limits } from "./generated/Limits";
export type { LinkKind } from "./generated/LinkKind";
export type { Me } from "./generated/Me";
export type { Message } from "./generated/Message";
export type { NewToken as NewAccessToken } from "./generated/NewToken";
export type { Page } from "./generated/Page";
export type { Patch } from "./generated/Patch";
export type { PersonView as User } from "./generated/PersonView";
export type { PresenceState } from "./generated/PresenceState";
export type { PresentUser } from "./generated/PresentUser";
export type { Priority } from "./generated/Priority";
export type { QueueRow } from "./generated/QueueRow";
export type { QueueView } from "./generated/QueueView";
export type { Role } from "./generated/Role";
export type { ServerMessage } from "./generated/ServerMessage";
export type { Snapshot } from "./generated/Snapshot";
export type { Status as TicketStatus } from "./generated/Status";
export type { Ticket } from "./generated/Ticket";
export type { TicketRecord } from "./generated/TicketRecord";
export type { UpdateTicket as TicketUpdate } from "./generated/UpdateTicket";
export type { UpdateUser as UpdateAccount } from "./generated/UpdateUser";
export type { UploadView } from "./generated/UploadView";
export type { UserView as Account } from "./generated/UserView";
export type { Visibility } from "./generated/Visibility";
export type { Problem };

/** A bearer token as its list shows it: without the secret. */
export type AccessToken = Omit<NewToken, "token">;

/** The answer to `?include=messages,events`. */
export type TicketWithThread = TicketWith & Required<Pick<TicketWith, "messages" | "events">>;

/** What a refusal carries beside its code, depending on the code. */
export type ProblemDetails = Pick<Problem, "holder" | "messages" | "version" | "by">;
