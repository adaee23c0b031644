"""A kind of import-linter contract: what the source modules may import at most, instead of what they may not."""

from __future__ import annotations

from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.domain.helpers import module_expressions_to_modules


class AllowedImports(Contract):
    """Modules in `source_modules` (packages, wildcards) directly import `allowed_modules` (packages) and their own package."""

    type_name = "allowed"

    source_modules = fields.SetField(subfield=fields.ModuleExpressionField())
    allowed_modules = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        allowed: Any = self.allowed_modules
        sources: Any = self.source_modules
        excess: list[str] = []
        for package in sorted(module.name for module in module_expressions_to_modules(graph, sources)):
            for module in sorted({package, *graph.find_descendants(package)}):
                imported = sorted(graph.find_modules_directly_imported_by(module))
                excess += [f"{module} imports {name}" for name in imported if not _within(name, (*allowed, package))]
        return ContractCheck(kept=not excess, metadata={"excess": excess})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["excess"]:
            output.print_error(f"{line}, which is not on the list.")


def _within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
