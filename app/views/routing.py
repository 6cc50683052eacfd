"""Rules of addresses that are ready sooner: what builds an address from an endpoint is compiled when first used."""

from collections.abc import Callable

from werkzeug.routing import Rule


class LateRule(Rule):
    """A rule whose builders are compiled when an address is first built by it.

    werkzeug compiles two of them for each rule as it is bound, which is two thirds of making the app, and few are ever
    called. The method is not public: should it go, rules are as werkzeug makes them, and only the start is slower.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_now = super()._compile_builder
        made: list[Callable[..., tuple[str, str]]] = []

        def build(rule: Rule, **values: object) -> tuple[str, str]:
            if not made:
                made.append(compile_now(append_unknown))
            return made[0](rule, **values)

        return build
