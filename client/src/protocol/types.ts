/**
 * The one door through which the client knows the wire's types. They are generated from the server's own; here they
 * only get the names that read well on this side.
 */
import type { NewToken } from "./generated/NewToken";
import type { Problem } from "./generated/Problem";
import type { TicketWith } from "./generated/TicketWith";

export type { Anomaly } from "./generated/Anomaly";
export type { Attachment } from "./generated/Attachment";
export type { BulkOutcome } from "./generated/BulkOutcome";
export type { ChangePoint } from "./generated/ChangePoint";
export type { ClientMessage } from "./generated/ClientMessage";
export type { Code } from "./generated/Code";
export type { Command } from "./generated/Command";
export type { Counts } from "./generated/Counts";
export type { CreateTicket } from "./generated/CreateTicket";
export type { CreateUser as CreateAccount } from "./generated/CreateUser";
export type { DeskInfo } from "./generated/DeskInfo";
export type { DrillDown } from "./generated/DrillDown";
export type { Event as TicketEvent } from "./generated/Event";
export type { Events } from "./generated/Events";
export type { ForecastPoint } from "./generated/ForecastPoint";
export type { GroupFigures } from "./generated/GroupFigures";
export type { Limits } from "./generated/Limits";
export type { LinkKind } from "./generated/LinkKind";
export type { LiveChange } from "./generated/LiveChange";
export type { LiveFigures } from "./generated/LiveFigures";
export type { Me } from "./generated/Me";
export type { Message } from "./generated/Message";
export type { MetricList } from "./generated/MetricList";
export type { NewReport } from "./generated/NewReport";
export type { NewToken as NewAccessToken } from "./generated/NewToken";
export type { Operations } from "./generated/Operations";
export type { OperationsFigure } from "./generated/OperationsFigure";
export type { Page } from "./generated/Page";
export type { Patch } from "./generated/Patch";
export type { PersonView as User } from "./generated/PersonView";
export type { PresenceState } from "./generated/PresenceState";
export type { PresentUser } from "./generated/PresentUser";
export type { Priority } from "./generated/Priority";
export type { QueueRow } from "./generated/QueueRow";
export type { QueueView } from "./generated/QueueView";
export type { Report } from "./generated/Report";
export type { ReportCell } from "./generated/ReportCell";
export type { ReportDefinition } from "./generated/ReportDefinition";
export type { ReportFile } from "./generated/ReportFile";
export type { ReportResult } from "./generated/ReportResult";
export type { ReportRow } from "./generated/ReportRow";
export type { ReportSchedule } from "./generated/ReportSchedule";
export type { ReportTickets } from "./generated/ReportTickets";
export type { Role } from "./generated/Role";
export type { Series } from "./generated/Series";
export type { ServerMessage } from "./generated/ServerMessage";
export type { Snapshot } from "./generated/Snapshot";
export type { Spread } from "./generated/Spread";
export type { Staffing } from "./generated/Staffing";
export type { Status as TicketStatus } from "./generated/Status";
export type { Ticket } from "./generated/Ticket";
export type { TicketRecord } from "./generated/TicketRecord";
export type { Trends } from "./generated/Trends";
export type { TriageStats } from "./generated/TriageStats";
export type { UpdateReport } from "./generated/UpdateReport";
export type { UpdateTicket as TicketUpdate } from "./generated/UpdateTicket";
export type { UpdateUser as UpdateAccount } from "./generated/UpdateUser";
export type { UserView as Account } from "./generated/UserView";
export type { Visibility } from "./generated/Visibility";
export type { Problem };

/** A bearer token as its list shows it: without the secret. */
export type AccessToken = Omit<NewToken, "token">;

/** The answer to `?include=messages,events`. */
export type TicketWithThread = TicketWith & Required<Pick<TicketWith, "messages" | "events">>;

/** What a refusal carries beside its code, depending on the code. */
export type ProblemDetails = Pick<Problem, "holder" | "messages" | "version" | "by">;
