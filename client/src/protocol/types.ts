/**
 * The one door through which the client knows the wire's types. They are generated from the server's own; here they
 * only get the names that read well on this side.
 */
import type { NewToken } from "./generated/NewToken";
import type { Problem } from "./generated/Problem";
import type { TicketWith } from "./generated/TicketWith";

export type { Acceptance } from "./generated/Acceptance";
export type { Anomaly } from "./generated/Anomaly";
export type { AnswerRequest } from "./generated/AnswerRequest";
export type { Attachment } from "./generated/Attachment";
export type { BulkOutcome } from "./generated/BulkOutcome";
export type { ChangePoint } from "./generated/ChangePoint";
export type { ClientMessage } from "./generated/ClientMessage";
export type { Code } from "./generated/Code";
export type { Command } from "./generated/Command";
export type { Confusion } from "./generated/Confusion";
export type { Counts } from "./generated/Counts";
export type { CreateRequest } from "./generated/CreateRequest";
export type { CreateTicket } from "./generated/CreateTicket";
export type { CreateUser as CreateAccount } from "./generated/CreateUser";
export type { CustomField } from "./generated/CustomField";
export type { CustomFieldKind } from "./generated/CustomFieldKind";
export type { DeskChanged } from "./generated/DeskChanged";
export type { DeskInfo } from "./generated/DeskInfo";
export type { DeskSettings } from "./generated/DeskSettings";
export type { DeskSettingsView } from "./generated/DeskSettingsView";
export type { DraftEvent } from "./generated/DraftEvent";
export type { DrillDown } from "./generated/DrillDown";
export type { ErrorGroup } from "./generated/ErrorGroup";
export type { Event as TicketEvent } from "./generated/Event";
export type { Events } from "./generated/Events";
export type { ForecastPoint } from "./generated/ForecastPoint";
export type { GroupFigures } from "./generated/GroupFigures";
export type { Incident } from "./generated/Incident";
export type { Limits } from "./generated/Limits";
export type { LinkKind } from "./generated/LinkKind";
export type { LiveChange } from "./generated/LiveChange";
export type { LiveFigures } from "./generated/LiveFigures";
export type { Macro } from "./generated/Macro";
export type { Me } from "./generated/Me";
export type { Message } from "./generated/Message";
export type { MetricList } from "./generated/MetricList";
export type { NewReport } from "./generated/NewReport";
export type { NewRequest } from "./generated/NewRequest";
export type { NewToken as NewAccessToken } from "./generated/NewToken";
export type { Operations } from "./generated/Operations";
export type { OperationsFigure } from "./generated/OperationsFigure";
export type { Page } from "./generated/Page";
export type { Patch } from "./generated/Patch";
export type { Permission } from "./generated/Permission";
export type { PersonView as User } from "./generated/PersonView";
export type { Preferences } from "./generated/Preferences";
export type { PreferencesView } from "./generated/PreferencesView";
export type { PresenceNow } from "./generated/PresenceNow";
export type { PresenceState } from "./generated/PresenceState";
export type { PresentUser } from "./generated/PresentUser";
export type { Priority } from "./generated/Priority";
export type { PutShared } from "./generated/PutShared";
export type { QueueRow } from "./generated/QueueRow";
export type { QueueView } from "./generated/QueueView";
export type { RankReason } from "./generated/RankReason";
export type { ReliabilityBin } from "./generated/ReliabilityBin";
export type { Report } from "./generated/Report";
export type { ReportCell } from "./generated/ReportCell";
export type { ReportDefinition } from "./generated/ReportDefinition";
export type { ReportFile } from "./generated/ReportFile";
export type { ReportResult } from "./generated/ReportResult";
export type { ReportRow } from "./generated/ReportRow";
export type { ReportSchedule } from "./generated/ReportSchedule";
export type { ReportTickets } from "./generated/ReportTickets";
export type { FileLimits } from "./generated/FileLimits";
export type { RequestForm } from "./generated/RequestForm";
export type { RequestLink } from "./generated/RequestLink";
export type { RequestMessage } from "./generated/RequestMessage";
export type { RequestView } from "./generated/RequestView";
export type { Role } from "./generated/Role";
export type { SavedView } from "./generated/SavedView";
export type { Series } from "./generated/Series";
export type { ServerMessage } from "./generated/ServerMessage";
export type { Shared } from "./generated/Shared";
export type { SimilarTicket } from "./generated/SimilarTicket";
export type { Snapshot } from "./generated/Snapshot";
export type { Spread } from "./generated/Spread";
export type { Staffing } from "./generated/Staffing";
export type { Status as TicketStatus } from "./generated/Status";
export type { Ticket } from "./generated/Ticket";
export type { TicketRecord } from "./generated/TicketRecord";
export type { Trends } from "./generated/Trends";
export type { Triage } from "./generated/Triage";
export type { TriageDecided } from "./generated/TriageDecided";
export type { TriageDecision } from "./generated/TriageDecision";
export type { TriageField } from "./generated/TriageField";
export type { TriageStats } from "./generated/TriageStats";
export type { TriageValues } from "./generated/TriageValues";
export type { TriedTriage } from "./generated/TriedTriage";
export type { UpdateReport } from "./generated/UpdateReport";
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
