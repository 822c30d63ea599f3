//! A session with an editor: what comes is answered in its order.
//!
//! What is wrong with a text is told when nothing else waits, so that a burst of typing is
//! looked at once; and when there is nothing to tell either, the workspace is read, a file
//! at a time.

use super::documents::{Analyst, Document, Documents, path_of};
use super::knowledge::Knowledge;
use super::wire::{self, Incoming};
use super::{answers, changes, completion};
use crate::failure::Failure;
use crate::lsp::indentation::Style;
use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::notification::{self, Notification as _};
use lsp_types::request::{self, Request as _};
use lsp_types::{
    CancelParams, CodeActionKind, CodeActionOptions, CodeActionProviderCapability,
    CompletionOptions, DidChangeTextDocumentParams, DocumentSymbolResponse,
    HoverProviderCapability, InitializeParams, NumberOrString, OneOf, PublishDiagnosticsParams,
    SaveOptions, ServerCapabilities, TextDocumentPositionParams, TextDocumentSyncCapability,
    TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions, Uri,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How far an editor has come with us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Before,
    Running,
    /// It has asked us to end.
    Ending,
}

pub struct Session {
    analyst: Analyst,
    style: Style,
    stage: Stage,
    /// What has come and was not looked at.
    waiting: VecDeque<Incoming>,
    /// The texts of which it has not been told what is wrong.
    untold: Vec<Uri>,
}

/// Why a request is not answered.
type Refusal = (ErrorCode, String);

impl Session {
    pub fn new(knowledge: Knowledge, documents: Documents) -> Session {
        Session {
            analyst: Analyst::new(knowledge, documents),
            style: Style::default(),
            stage: Stage::Before,
            waiting: VecDeque::new(),
            untold: Vec::new(),
        }
    }

    /// Answer until the editor leaves; the exit status.
    pub fn serve(mut self) -> Result<u8, Failure> {
        let receiver = wire::incoming();
        loop {
            self.waiting.extend(receiver.try_iter());
            let next = match self.waiting.pop_front() {
                Some(next) => next,
                None => {
                    if let Some(uri) = self.untold.pop() {
                        self.tell_what_is_wrong(&uri);
                        continue;
                    }
                    if self.stage == Stage::Running && self.analyst.documents.index_one() {
                        continue;
                    }
                    match receiver.recv() {
                        Ok(next) => next,
                        Err(_) => return Ok(self.status()),
                    }
                }
            };
            let heard = match next {
                Incoming::Malformed(why) => wire::refuse(&why),
                Incoming::Message(Message::Request(request)) => {
                    let response = self.response(request);
                    wire::respond(response)
                }
                Incoming::Message(Message::Notification(told)) if told.method == "exit" => {
                    return Ok(self.status());
                }
                Incoming::Message(Message::Notification(told)) => {
                    self.take(told);
                    true
                }
                // Nothing is asked of the editor.
                Incoming::Message(Message::Response(_)) => true,
            };
            if !heard {
                return Ok(1);
            }
        }
    }

    /// An editor says that it will leave before it does.
    fn status(&self) -> u8 {
        u8::from(self.stage != Stage::Ending)
    }

    fn response(&mut self, request: Request) -> Response {
        let id = request.id.clone();
        if self.is_cancelled(&id) {
            let code = ErrorCode::RequestCanceled as i32;
            return Response::new_err(id, code, "it was cancelled".to_owned());
        }
        let answer = AssertUnwindSafe(|| self.answer(request));
        match catch_unwind(answer) {
            Ok(Ok(answer)) => Response::new_ok(id, answer),
            Ok(Err((code, why))) => Response::new_err(id, code as i32, why),
            Err(_) => Response::new_err(
                id,
                ErrorCode::InternalError as i32,
                "internal error: what it was stands on stderr".to_owned(),
            ),
        }
    }

    /// Whether what waits has it that request ID is not wanted any more.
    fn is_cancelled(&self, id: &RequestId) -> bool {
        self.waiting.iter().any(|waiting| {
            let Incoming::Message(Message::Notification(told)) = waiting else {
                return false;
            };
            told.method == notification::Cancel::METHOD
                && serde_json::from_value::<CancelParams>(told.params.clone()).is_ok_and(|cancel| {
                    *id == match cancel.id {
                        NumberOrString::Number(number) => RequestId::from(number),
                        NumberOrString::String(text) => RequestId::from(text),
                    }
                })
        })
    }

    fn answer(&mut self, request: Request) -> Result<Value, Refusal> {
        let Request { method, params, .. } = request;
        match (self.stage, method.as_str()) {
            (Stage::Before, request::Initialize::METHOD) => return self.initialize(params),
            (Stage::Before, _) => {
                let why = "`initialize` comes first".to_owned();
                return Err((ErrorCode::ServerNotInitialized, why));
            }
            (Stage::Ending, _) | (_, request::Initialize::METHOD) => {
                let why = format!("`{method}` cannot be asked now");
                return Err((ErrorCode::InvalidRequest, why));
            }
            (Stage::Running, request::Shutdown::METHOD) => {
                self.stage = Stage::Ending;
                return Ok(Value::Null);
            }
            (Stage::Running, _) => {}
        }
        let analyst = &self.analyst;
        match method.as_str() {
            request::HoverRequest::METHOD => {
                let (document, offset) = self.at(&params)?;
                shown(document.and_then(|document| answers::hover(analyst, document, offset)))
            }
            request::GotoDefinition::METHOD => {
                let (document, offset) = self.at(&params)?;
                shown(document.and_then(|document| answers::definition(analyst, document, offset)))
            }
            request::References::METHOD => {
                let wanted: lsp_types::ReferenceParams = read(params.clone())?;
                let declaration = wanted.context.include_declaration;
                let (document, offset) = self.at(&params)?;
                shown(
                    document.map(|document| {
                        answers::references(analyst, document, offset, declaration)
                    }),
                )
            }
            request::Completion::METHOD => {
                let (document, offset) = self.at(&params)?;
                shown(document.map(|document| completion::complete(analyst, document, offset)))
            }
            request::ResolveCompletionItem::METHOD => {
                shown(completion::resolve(analyst, read(params)?))
            }
            request::DocumentSymbolRequest::METHOD => {
                let wanted: lsp_types::DocumentSymbolParams = read(params)?;
                let document = analyst.documents.get(&wanted.text_document.uri);
                shown(document.map(|document| {
                    DocumentSymbolResponse::Nested(answers::symbols(analyst, document))
                }))
            }
            request::CodeActionRequest::METHOD => {
                let wanted: lsp_types::CodeActionParams = read(params)?;
                let document = analyst.documents.get(&wanted.text_document.uri);
                shown(document.map(|document| changes::imports(analyst, document, wanted.range)))
            }
            request::Formatting::METHOD => {
                let wanted: lsp_types::DocumentFormattingParams = read(params)?;
                let document = analyst.documents.get(&wanted.text_document.uri);
                shown(document.map(|document| changes::layout(&document.text, &self.style, None)))
            }
            request::RangeFormatting::METHOD => {
                let wanted: lsp_types::DocumentRangeFormattingParams = read(params)?;
                let document = analyst.documents.get(&wanted.text_document.uri);
                shown(document.map(|document| {
                    changes::layout(&document.text, &self.style, Some(wanted.range))
                }))
            }
            method => Err((
                ErrorCode::MethodNotFound,
                format!("`{method}` is not known"),
            )),
        }
    }

    /// The document that PARAMS name, and the byte offset of the place.
    fn at(&self, params: &Value) -> Result<(Option<&Document>, usize), Refusal> {
        let wanted: TextDocumentPositionParams = read(params.clone())?;
        let document = self.analyst.documents.get(&wanted.text_document.uri);
        let offset = document.map_or(0, |document| {
            document.text.offset(changes::place(wanted.position))
        });
        Ok((document, offset))
    }

    fn initialize(&mut self, params: Value) -> Result<Value, Refusal> {
        let params: InitializeParams = read(params)?;
        let folders = params.workspace_folders.unwrap_or_default();
        let mut roots: Vec<_> = folders
            .iter()
            .filter_map(|folder| path_of(&folder.uri))
            .collect();
        if roots.is_empty() {
            #[allow(deprecated, reason = "editors that know no folders send it")]
            roots.extend(params.root_uri.as_ref().and_then(path_of));
        }
        for root in roots {
            if let Ok(text) = std::fs::read_to_string(root.join(".dir-locals.el")) {
                self.style.learn(&text);
            }
            self.analyst.documents.add_root(root);
        }
        self.stage = Stage::Running;
        shown(json!({
            "capabilities": capabilities(),
            "serverInfo": {"name": "fruix-scm", "version": env!("CARGO_PKG_VERSION")},
        }))
    }

    /// Take in what the editor tells; what cannot be understood is left.
    fn take(&mut self, told: Notification) {
        if self.stage != Stage::Running {
            return;
        }
        let Notification { method, params } = told;
        match method.as_str() {
            notification::DidOpenTextDocument::METHOD => {
                if let Ok(lsp_types::DidOpenTextDocumentParams { text_document }) = read(params) {
                    let uri = text_document.uri;
                    self.analyst
                        .documents
                        .open(uri, text_document.text, text_document.version);
                    self.tell_all();
                }
            }
            notification::DidChangeTextDocument::METHOD => {
                if let Ok(change) = read(params) {
                    self.change(change);
                }
            }
            notification::DidCloseTextDocument::METHOD => {
                if let Ok(lsp_types::DidCloseTextDocumentParams { text_document }) = read(params) {
                    self.analyst.documents.close(&text_document.uri);
                    self.untold.retain(|uri| *uri != text_document.uri);
                    publish(text_document.uri, Vec::new(), None);
                    self.tell_all();
                }
            }
            notification::DidSaveTextDocument::METHOD
            | notification::DidChangeWatchedFiles::METHOD => {
                self.analyst.documents.changed();
                self.tell_all();
            }
            notification::DidChangeWorkspaceFolders::METHOD => {
                if let Ok(lsp_types::DidChangeWorkspaceFoldersParams { event }) = read(params) {
                    for folder in event.added.iter().filter_map(|folder| path_of(&folder.uri)) {
                        self.analyst.documents.add_root(folder);
                    }
                    self.tell_all();
                }
            }
            _ => {}
        }
    }

    fn change(&mut self, change: DidChangeTextDocumentParams) {
        let document = change.text_document;
        self.analyst
            .documents
            .change(&document.uri, document.version, |text| {
                for change in change.content_changes {
                    match change.range {
                        Some(range) => {
                            text.replace(
                                changes::place(range.start),
                                changes::place(range.end),
                                &change.text,
                            );
                        }
                        None => *text = crate::lsp::text::Text::new(change.text),
                    }
                }
            });
        self.tell_all();
        // The one that is worked on is told about first: the last is taken.
        self.untold.sort_by_key(|uri| *uri == document.uri);
    }

    /// What one text defines, others may miss.
    fn tell_all(&mut self) {
        let open = self.analyst.documents.all_open();
        self.untold = open.map(|document| document.uri.clone()).collect();
    }

    fn tell_what_is_wrong(&self, uri: &Uri) {
        let Some(document) = self.analyst.documents.get(uri) else {
            return;
        };
        let look = AssertUnwindSafe(|| changes::diagnostics(&self.analyst, document));
        if let Ok(found) = catch_unwind(look) {
            publish(uri.clone(), found, Some(document.version));
        }
    }
}

fn publish(uri: Uri, found: Vec<lsp_types::Diagnostic>, version: Option<i32>) {
    let params = PublishDiagnosticsParams::new(uri, found, version);
    let method = notification::PublishDiagnostics::METHOD.to_owned();
    // An editor that is gone is noticed when it is answered.
    let _heard = wire::send(Message::Notification(Notification::new(method, params)));
}

fn read<P: DeserializeOwned>(params: Value) -> Result<P, Refusal> {
    serde_json::from_value(params).map_err(|error| (ErrorCode::InvalidParams, error.to_string()))
}

fn shown(answer: impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(answer).map_err(|error| (ErrorCode::InternalError, error.to_string()))
}

fn capabilities() -> ServerCapabilities {
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Options(
            TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(TextDocumentSyncKind::INCREMENTAL),
                save: Some(TextDocumentSyncSaveOptions::SaveOptions(
                    SaveOptions::default(),
                )),
                ..TextDocumentSyncOptions::default()
            },
        )),
        completion_provider: Some(CompletionOptions {
            resolve_provider: Some(true),
            trigger_characters: Some(vec!["(".to_owned(), ":".to_owned()]),
            ..CompletionOptions::default()
        }),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
            ..CodeActionOptions::default()
        })),
        document_formatting_provider: Some(OneOf::Left(true)),
        document_range_formatting_provider: Some(OneOf::Left(true)),
        ..ServerCapabilities::default()
    }
}
