"""Rules of translation from BigQuery's SQL, next to those of local-bigquery."""

from local_bigquery.sql.rules import partitions as ingestion
from local_bigquery.sql.translate import Context
from sqlglot import exp

from bigquery import partitions


def refuse_ingestion_time(tree: exp.Expression, _context: Context) -> exp.Expression:
    """In the place of a rule that looks at every query for a hidden column of the time of ingestion.

    Raises:
        BigQueryError: the statement makes a table that would have that column.
    """
    if isinstance(tree, exp.Create) and ingestion._ingestion_partitioned(tree):
        raise partitions.by_ingestion_time()
    return tree


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
