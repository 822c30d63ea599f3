"""A session with `fruix-scm lsp`, led by pygls: what an editor sees, a line each.

language_server.py BINARY WORKSPACE, where WORKSPACE holds lib/greeting.scm and main.scm.
"""

import asyncio
import pathlib
import sys

from lsprotocol import types
from pygls.lsp.client import LanguageClient

binary, workspace = sys.argv[1], pathlib.Path(sys.argv[2])


def document(name):
    return (workspace / name).as_uri()


def at(name, line, column):
    return {
        "text_document": types.TextDocumentIdentifier(document(name)),
        "position": types.Position(line, column),
    }


def place(location):
    file = location.uri.rsplit("/", 1)[1]
    start = location.range.start
    return f"{file}:{start.line}:{start.character}"


async def main():
    client = LanguageClient("editor", "1")
    told = asyncio.Queue()

    @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def diagnostics(params):
        told.put_nowait(params)

    async def wrong_with(name, version):
        while True:
            params = await asyncio.wait_for(told.get(), 120)
            if params.uri == document(name) and params.version == version:
                return params.diagnostics

    def show(found):
        for it in found:
            print("wrong", f"{it.range.start.line}:{it.range.start.character}", it.code, it.message)

    await client.start_io(binary, "lsp", "--stdio")
    answer = await client.initialize_async(
        types.InitializeParams(
            capabilities=types.ClientCapabilities(),
            workspace_folders=[types.WorkspaceFolder(workspace.as_uri(), "workspace")],
        )
    )
    print("server", answer.server_info.name)
    client.initialized(types.InitializedParams())

    text = (workspace / "main.scm").read_text()
    item = types.TextDocumentItem(document("main.scm"), "scheme", 1, text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    found = await wrong_with("main.scm", 1)
    show(found)

    missed = next(it for it in found if "fold" in it.message)
    actions = await client.text_document_code_action_async(
        types.CodeActionParams(
            text_document=types.TextDocumentIdentifier(document("main.scm")),
            range=missed.range,
            context=types.CodeActionContext([missed]),
        )
    )
    action = next(it for it in actions if "srfi-1" in it.title)
    print("action", action.title)
    [edit] = action.edit.changes[document("main.scm")]
    changes = types.TextDocumentContentChangePartial(range=edit.range, text=edit.new_text)
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(2, document("main.scm")), [changes]
        )
    )
    show(await wrong_with("main.scm", 2))

    # The import has moved what follows down by a line.
    hover = await client.text_document_hover_async(types.HoverParams(**at("main.scm", 5, 4)))
    print("hover", hover.contents.value.replace("\n", "|"))
    where = await client.text_document_definition_async(
        types.DefinitionParams(**at("main.scm", 5, 4))
    )
    print("definition", place(where))
    used = await client.text_document_references_async(
        types.ReferenceParams(
            context=types.ReferenceContext(include_declaration=True), **at("main.scm", 5, 4)
        )
    )
    print("references", *sorted(place(it) for it in used))
    symbols = await client.text_document_document_symbol_async(
        types.DocumentSymbolParams(types.TextDocumentIdentifier(document("main.scm")))
    )
    print("symbols", *(f"{it.name}:{it.kind.name}" for it in symbols))
    names = await client.text_document_completion_async(
        types.CompletionParams(**at("main.scm", 5, 7))
    )
    print("completion", *(it.label for it in names.items if it.label.startswith("greet")))
    first = next(it for it in names.items if it.label == "greeting")
    first = await client.completion_item_resolve_async(first)
    print("resolved", first.documentation.value.splitlines()[1])
    edits = await client.text_document_formatting_async(
        types.DocumentFormattingParams(
            text_document=types.TextDocumentIdentifier(document("main.scm")),
            options=types.FormattingOptions(tab_size=8, insert_spaces=True),
        )
    )
    print("layout", *(f"{it.range.start.line}:{len(it.new_text)}" for it in edits))
    client.text_document_did_close(
        types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(document("main.scm")))
    )
    await client.shutdown_async(None)
    client.exit(None)
    status = await asyncio.wait_for(client._server.wait(), 60)
    print("status", status)


asyncio.run(main())
