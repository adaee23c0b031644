"""`limelight`: run the marketplace on this machine, look at its events, repair what is stuck."""

from __future__ import annotations

import typer

from cli import deadletters, events, generating, importing, local, people, projections, seeding, telling, verifying

app = typer.Typer(
    help="Limelight, an open creator marketplace: everything that happens is an event.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
app.command()(local.up)
app.command()(local.down)
app.command()(local.status)
app.command()(local.logs)
app.command()(people.token)
app.command()(seeding.seed)
app.command()(telling.demo)
app.command()(verifying.verify)
app.command()(projections.rebuild)
app.add_typer(generating.app, name="generate")
app.add_typer(importing.app, name="import")
app.add_typer(events.app, name="events")
app.add_typer(deadletters.app, name="dlq")

if __name__ == "__main__":
    app()
