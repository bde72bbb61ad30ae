"""Rules of translation from BigQuery's SQL, next to those of local-bigquery."""

from local_bigquery.sql.dialect import BigQueryDialect, macro
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery.sql.guards import arguments, days, decimals, groups, letters, numbers, orders, parsed, structs, texts
from bigquery.sql.guards.once import bind, computed
from bigquery.sql.types import typed

TEXT = "perennial_text"
ARGUMENT = "perennial_argument"
"""Stands for an argument while the text around it is parsed: its own text would be parsed otherwise, macros as names of a catalogue."""


def name_struct_fields(tree: exp.Expression, _context: Context) -> exp.Expression:
    """STRUCT(a, t.b) has fields `a` and `b`. A cast gives other names, by position."""
    for struct in tree.find_all(exp.Struct):
        if isinstance(struct.parent, exp.Cast):
            continue
        for field in struct.expressions:
            if isinstance(field, exp.Column) and isinstance(field.this, exp.Identifier):
                field.replace(exp.PropertyEQ(this=field.this.copy(), expression=field.copy()))
    return tree


def leave_out_suffixes(tree: exp.Expression, _context: Context) -> exp.Expression:
    """`SELECT * EXCEPT (…)` of a wildcard table leaves out its pseudo column too."""
    for select in tree.find_all(exp.Select):
        source = select.args.get("from_")
        if source is None or not isinstance(source.this, exp.Table) or not source.this.name.endswith("*"):
            continue
        for star in select.expressions:
            if isinstance(star, exp.Star) and (left_out := star.args.get("except_")):
                star.set("except_", [*left_out, exp.column("_TABLE_SUFFIX")])
    return tree


def write_null_characters(tree: exp.Expression, _context: Context) -> exp.Expression:
    """DuckDB's parser ends at a null character, and its strings may have some."""
    for literal in list(tree.find_all(exp.Literal)):
        if literal.is_string and "\0" in literal.this:
            first, *others = (exp.Literal.string(part) for part in literal.this.split("\0"))
            text: exp.Expression = first
            for part in others:
                text = exp.DPipe(
                    this=exp.DPipe(this=text, expression=exp.Anonymous(this="chr", expressions=[exp.Literal.number(0)])), expression=part
                )
            literal.replace(exp.paren(text))
    return tree


def show_as_json(tree: exp.Expression, _context: Context) -> exp.Expression:
    """Put in the place of `PERENNIAL_JSON_0(x)` what gives its JSON, by the type that ZetaSQL found."""
    for call in list(tree.find_all(exp.Anonymous)):
        number = call.name.upper().removeprefix(typed.JSON)
        if number == call.name.upper():
            continue
        (argument,) = call.expressions
        value = argument.sql(BigQueryDialect) if isinstance(argument, exp.Column) else f"({ARGUMENT})"
        text = typed.json_text(value, typed.json_types.get()[int(number)])
        shown: exp.Expression = exp.maybe_parse(text, dialect=BigQueryDialect)
        shown = exp.paren(shown.transform(_in_duckdb), copy=False)
        for place in [column for column in shown.find_all(exp.Column) if column.name == ARGUMENT]:
            place.replace(argument.copy())
        call.replace(shown)
    return tree


def _in_duckdb(node: exp.Expression) -> exp.Expression:
    """What BigQuery's SQL has no words for."""
    name = node.name.upper() if isinstance(node, exp.Anonymous) else ""
    if name == typed.QUOTED:
        return exp.cast(exp.Anonymous(this="to_json", expressions=node.expressions), "TEXT")
    if name == typed.JOINED:
        array, element = node.expressions
        shown = exp.Lambda(this=element.transform(_in_duckdb), expressions=[exp.to_identifier("element")])
        return exp.Anonymous(
            this="array_to_string", expressions=[exp.Anonymous(this="list_transform", expressions=[array, shown]), exp.Literal.string(",")]
        )
    return node


def cast_as_bigquery(tree: exp.Expression, _context: Context) -> exp.Expression:
    """CAST AS STRING shows numbers and fractions of seconds in BigQuery's way, and CAST AS BYTES takes text as UTF-8."""
    for cast in list(tree.find_all(exp.Cast))[::-1]:
        is_text = isinstance(cast.this, exp.Literal) and cast.this.is_string
        if cast.is_type("TEXT", "VARCHAR") and not is_text and not cast.args.get("format"):
            shown = cast.copy()
            fields = bind(shown, [shown.this] if _is_deep(shown.this) else [], always=True)
            cast.replace(computed(fields, macro(TEXT, shown.this.copy(), shown)))
        elif cast.is_type("BINARY") and not cast.args.get("format"):
            other = exp.TryCast(this=cast.this.copy(), to=cast.to.copy())  # DuckDB computes it for a text, too, and may find no bytes in it
            cast.replace(macro("perennial_bytes", cast.this.copy(), other))
    return tree


def _is_deep(value: exp.Expr) -> bool:
    """Whether a value has another that is shown as text, all of which would be named some ten times."""
    is_shown = any(call.name.endswith(TEXT) for call in value.find_all(exp.Anonymous))
    return is_shown and value.find(exp.AggFunc, exp.Window) is None


def give_least_of_numbers(tree: exp.Expression, _context: Context) -> exp.Expression:
    """MIN and LEAST of FLOAT64 are NaN if a number is; DuckDB takes NaN for the largest, which MAX and GREATEST then give."""
    for call in list(tree.find_all(exp.Anonymous)):
        if call.name.upper() not in (typed.MIN, typed.LEAST):
            continue
        negated = [exp.Neg(this=exp.paren(one.copy())) for one in call.expressions]
        is_min = call.name.upper() == typed.MIN
        largest: exp.Expression = exp.Max(this=negated[0]) if is_min else exp.Greatest(this=negated[0], expressions=negated[1:])
        whole = call.parent if isinstance(call.parent, exp.Window) else call
        if whole is not call:
            window = whole.copy()
            window.set("this", largest)
            largest = window
        whole.replace(exp.paren(exp.Neg(this=largest)))
    return tree


def compare_numbers(tree: exp.Expression, _context: Context) -> exp.Expression:
    """NaN is not equal to, less than or greater than anything; DuckDB takes it for the largest number, equal to itself."""
    for mark in list(tree.find_all(exp.Anonymous)):
        if mark.name.upper() != typed.FLOAT:
            continue
        comparison = mark.find_ancestor(exp.Predicate)
        mark.replace(mark.expressions[0])
        if comparison is None:
            continue
        others = [comparison.args.get("expression"), comparison.args.get("low"), comparison.args.get("high")]
        sides = [comparison.this, *(side for side in others if side is not None)]
        numbers = [exp.cast(side.copy(), "DOUBLE", dialect="duckdb") for side in sides]
        is_nan = exp.or_(*(exp.Anonymous(this="isnan", expressions=[number]) for number in numbers))
        whole = exp.or_(is_nan, comparison.copy()) if isinstance(comparison, exp.NEQ) else exp.and_(exp.not_(is_nan), comparison.copy())
        comparison.replace(exp.paren(whole))
    return tree


def count_characters_from_one(tree: exp.Expression, _context: Context) -> exp.Expression:
    """SUBSTR takes position 0, and one before the first character, for the first."""
    for call in list(tree.find_all(exp.Substring)):
        start = call.args.get("start")
        if start is None or (isinstance(start, exp.Literal) and start.name != "0"):
            continue
        text, first = call.this.sql(BigQueryDialect), start.sql(BigQueryDialect)
        call.set("start", exp.maybe_parse(f"IF({first} = 0 OR {first} < -LENGTH({text}), 1, {first})", dialect=BigQueryDialect))
    return tree


def correlate_two_rows(tree: exp.Expression, _context: Context) -> exp.Expression:
    """The correlation of fewer than two rows is NULL; DuckDB gives NaN."""
    for call in list(tree.find_all(exp.Corr)):
        if not isinstance(call.parent, exp.Window):
            count = exp.Anonymous(this="regr_count", expressions=[call.this.copy(), call.expression.copy()])
            call.replace(exp.case().when(count < 2, exp.null()).else_(call.copy()))
    return tree


def leave_out_nulls(tree: exp.Expression, _context: Context) -> exp.Expression:
    """ARRAY_AGG(… IGNORE NULLS … LIMIT n) leaves out NULLs before it counts; the translation keeps them."""
    for ignoring in list(tree.find_all(exp.IgnoreNulls)):
        aggregate = ignoring.this
        if not isinstance(aggregate, exp.ArrayAgg) or not isinstance(aggregate.this, exp.Limit):
            continue
        limit = aggregate.this
        element = limit.this.this if isinstance(limit.this, exp.Order) else limit.this
        value = element.expressions[0] if isinstance(element, exp.Distinct) else element
        present = exp.Where(this=exp.Is(this=value.copy(), expression=exp.null()).not_())
        kept = exp.Filter(this=exp.ArrayAgg(this=limit.this.copy()), expression=present)
        ignoring.replace(exp.Anonymous(this="list_slice", expressions=[kept, exp.Literal.number(1), limit.expression.copy()]))
    return tree


def extract_less_than_a_second(tree: exp.Expression, _context: Context) -> exp.Expression:
    """Milliseconds and microseconds are those of the second; DuckDB adds the second's own."""
    for call in list(tree.find_all(exp.Extract)):
        if largest := {"MILLISECOND": 1000, "MICROSECOND": 1_000_000}.get(call.name.upper()):
            call.replace(exp.paren(exp.Mod(this=exp.paren(call.copy()), expression=exp.Literal.number(largest))))
    return tree


def order_unions_by_names(tree: exp.Expression, _context: Context) -> exp.Expression:
    """ORDER BY after UNION is of the rows of the whole: what orders FLOAT64 as BigQuery does is no column of them."""
    for union in list(tree.find_all(exp.SetOperation))[::-1]:
        order = union.args.get("order")
        if order is None:
            continue
        whole = exp.Select(expressions=[exp.Star()])
        for name in ("order", "limit", "offset", "with_"):
            whole.set(name, union.args.get(name))
            union.set(name, None)
        inner = union.copy()
        union.replace(whole) if union.parent else None
        whole.set("from_", exp.From(this=exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("united")))))
        tree = whole if union is tree else tree
    return tree


TYPED = (
    orders.note_orders,
    texts.note_values,
    order_unions_by_names,
    groups.repeat_groups,
    numbers.cast_exactly,
    show_as_json,
    compare_numbers,
    give_least_of_numbers,
    count_characters_from_one,
    cast_as_bigquery,
    correlate_two_rows,
    leave_out_nulls,
    extract_less_than_a_second,
    *structs.RULES,
    *letters.RULES,
    *texts.RULES,
    *parsed.RULES,
    *days.RULES,
    *arguments.RULES,
    *numbers.RULES,
    *decimals.RULES,
    orders.order_nan_first,
)
"""In the order in which they are to be applied."""
