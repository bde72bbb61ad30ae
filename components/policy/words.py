"""A policy in words, for people who are to agree with it."""

from collections.abc import Collection, Iterator, Mapping

from components.model.continuous_section import ContinuousSection, DeployRule

TRIGGERS: Mapping[str, str] = {
    "new_partition": "labels of a new span are known, or a partition was rewritten after it was trained on",
    "alarm": "an alarm opens that training mends: the world has changed, or hours were missing from the training data",
    "code": "the code changes",
    "person": "somebody asks for it with `perennial request`",
}


def policy_in_words(model: str, policy: ContinuousSection | None, label_delay_days: int = 0) -> tuple[str, ...]:
    """The policy as sentences, without a full stop each."""
    if policy is None:
        return (f"{model} is trained only when somebody runs `perennial train {model}`: its model.toml has no section [continuous]",)
    return (*_reasons(model, policy), *_conditions(policy), *_deployment(policy, label_delay_days))


def lacking_targets(policy: ContinuousSection | None, targets: Collection[str]) -> tuple[str, ...]:
    """What of the policy cannot be done with these targets, a sentence each without a full stop."""
    wanted: list[str] = []
    for target, rule in sorted(policy.deploy.items() if policy else ()):
        if rule is not DeployRule.NEVER:
            aside = {DeployRule.CANARY: "canary", DeployRule.SHADOW: "shadow"}.get(rule)
            wanted += [target, *([f"{target}-{aside}"] if aside else [])]
    return tuple(
        f"{name} is none of PERENNIAL_TARGETS: add it, or a version that is to go there waits for approval"
        for name in wanted
        if name not in targets
    )


def _reasons(model: str, policy: ContinuousSection) -> Iterator[str]:
    for trigger in policy.triggers:
        if trigger == "schedule" and policy.schedule is not None:
            rule = policy.schedule
            every = "every day" if rule.every_days == 1 else f"every {rule.every_days} days from {rule.first} on"
            yield f"{model} is trained {every} at {rule.at:%H:%M} ({policy.time_zone})"
        elif trigger == "code":
            yield f"{model} is trained when the code of {' or '.join(policy.code)} changes"
        else:
            yield f"{model} is trained when {TRIGGERS[trigger]}"
    yield "it is never trained while an alarm says that the source is broken"
    yield "an alarm about the service or a bad version is no reason to train"
    if "alarm" in policy.triggers:
        yield f"an alarm of unknown cause is {'a' if policy.train_on_unknown else 'no'} reason to train"


def _conditions(policy: ContinuousSection) -> Iterator[str]:
    if policy.settle_days:
        yield f"nothing is trained on the last {_days(policy.settle_days)} of the source, which may still grow"
    if policy.least_new_rows:
        yield f"new partitions and the schedule wait for {_many(policy.least_new_rows, 'new row')} with labels"
    if policy.training_cost and "new_partition" in policy.triggers:
        worth = f"{policy.training_cost:g} of its metric for a day"
        yield f"a new span waits until a new version would gain {worth}, by what `perennial staleness` has measured"
        yield "it is measured once for each new version before the next span is judged"
    if policy.cooldown_hours:
        yield f"trainings begin at least {_many(policy.cooldown_hours, 'hour')} apart; a reason that comes earlier waits and is not lost"
    if policy.quiet_hours:
        begin, end = policy.quiet_hours
        yield f"no training starts between {begin:%H:%M} and {end:%H:%M} ({policy.time_zone})"
    if (policy.quiet_hours or policy.cooldown_hours) and "person" in policy.triggers:
        yield "who asks in person waits for neither"
    starts = f"{policy.runs_a_day:,} trainings start a day, one at a time" if policy.runs_a_day > 1 else "one training starts a day"
    yield f"at most {starts}"
    if policy.bytes_a_day:
        yield f"trainings read at most {_many(policy.bytes_a_day, 'byte')} of BigQuery a day, by a dry run before each"
    if policy.training_seconds_a_day:
        yield f"trainings take at most {_many(policy.training_seconds_a_day, 'second')} a day"
    yield f"a training that has not ended after {_many(policy.training_hours, 'hour')} is ended"
    yield f"a training that fails is tried {'once' if policy.attempts == 1 else f'up to {policy.attempts} times'} for the same reason"


def _deployment(policy: ContinuousSection, label_delay_days: int) -> Iterator[str]:
    targets = {target: rule for target, rule in sorted(policy.deploy.items()) if rule is not DeployRule.NEVER}
    for target, rule in targets.items():
        yield f"a good version goes to {target} {_way(policy, rule)}"
    if label_delay_days and DeployRule.CANARY in targets.values():
        known = f"labels are known, {_many(label_delay_days, 'day')} later"
        yield f"what a canary was asked, and what it refused, is known at once, and how good its answers were once {known}"
    if {DeployRule.CANARY, DeployRule.SHADOW} & set(targets.values()):
        yield "while a version goes live in steps, a new span and the schedule wait for its end"
    if not targets:
        yield "no version is deployed by the policy"
    if set(targets.values()) - {DeployRule.AFTER_APPROVAL} and policy.probation_days:
        within = f"within {_many(policy.probation_days + label_delay_days, 'day')}"
        within += f" ({policy.probation_days}, and {label_delay_days} until labels are known)" if label_delay_days else ""
        yield f"if an alarm says {within} that such a version is bad, it is rolled back, and the next one waits for approval"


def _way(policy: ContinuousSection, rule: DeployRule) -> str:
    each = f"for {_days(policy.step_days)} of measured predictions" if policy.step_days > 1 else "for a day of measured predictions"
    steps = each if len(policy.canary_shares) == 1 else f"each {each}"
    shares = ", then ".join(f"{share} %" for share in policy.canary_shares)
    ways = {
        DeployRule.AT_ONCE: "at once",
        DeployRule.AFTER_APPROVAL: "when somebody approves it with `perennial approve`",
        DeployRule.CANARY: f"as a canary that answers {shares} of the keys, {steps}, and is held if an alarm is about it",
        DeployRule.SHADOW: f"after it was asked as a shadow {each}, and is held if it is worse there",
    }
    return ways[rule]


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _days(count: int) -> str:
    return "day" if count == 1 else f"{count} days"
