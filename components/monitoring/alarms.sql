-- name: read
-- Alarms with how they stand and what people said to them: the open ones, or all.
SELECT alarm_id, model.name AS model, version, target, role, kind, subject, slice, since, event.seq, event.state, event.day, loss, row_count,
       sentence, cause, cause_column, cause_slice, cause_since, cause_sentence,
       acknowledged.actor AS acknowledged_by, acknowledged.reason AS acknowledged_because,
       muted.until AS muted_until, muted.reason AS muted_because,
       GREATEST(event.day, (
         SELECT max(live_day.day) FROM registry.live_day
         WHERE live_day.model_version_id = alarm.model_version_id AND live_day.target = alarm.target
       )) AS last_day
FROM registry.alarm
  JOIN registry.model_version USING (model_version_id)
  JOIN registry.model USING (model_id)
  JOIN LATERAL (SELECT * FROM registry.alarm_event WHERE alarm_event.alarm_id = alarm.alarm_id ORDER BY seq DESC LIMIT 1) AS event USING (alarm_id)
  LEFT JOIN LATERAL (
    SELECT actor, reason FROM registry.alarm_answer
    WHERE alarm_answer.alarm_id = alarm.alarm_id AND action = 'acknowledge' ORDER BY seq DESC LIMIT 1
  ) AS acknowledged ON true
  LEFT JOIN LATERAL (
    SELECT until, reason FROM registry.alarm_answer
    WHERE alarm_answer.alarm_id = alarm.alarm_id AND action = 'mute' ORDER BY seq DESC LIMIT 1
  ) AS muted ON true
WHERE model.name = :model AND (CAST(:target AS text) IS NULL OR target = CAST(:target AS text))
  AND (CAST(:closed AS boolean) OR event.state <> 'closed')
ORDER BY loss * row_count DESC, alarm_id;

-- name: insert
INSERT INTO registry.alarm (model_version_id, target, role, kind, subject, slice_key, slice, since)
VALUES (:model_version_id, :target, :role, :kind, :subject, :slice_key, CAST(:slice AS jsonb), :since)
ON CONFLICT (model_version_id, target, role, kind, subject, slice_key, since) DO NOTHING;

-- name: find
SELECT alarm_id FROM registry.alarm
WHERE model_version_id = :model_version_id AND target = :target AND role = :role AND kind = :kind AND subject = :subject
  AND slice_key = :slice_key AND since = :since;

-- name: insert_event
-- The next event, unless it is the last one already.
INSERT INTO registry.alarm_event (
  alarm_id, seq, state, day, loss, row_count, sentence, cause, cause_column, cause_slice, cause_since, cause_sentence, run_id
)
VALUES (
  :alarm_id, :seq, :state, :day, :loss, :row_count, :sentence, :cause, :cause_column, CAST(:cause_slice AS jsonb), :cause_since,
  :cause_sentence, :run_id
)
ON CONFLICT (alarm_id, seq) DO NOTHING;

-- name: lock_answers
-- Answers to an alarm have numbers, which are given one after the other until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended('perennial alarm answers', CAST(:alarm_id AS bigint)));

-- name: insert_answer
INSERT INTO registry.alarm_answer (alarm_id, seq, action, until, actor, reason)
SELECT :alarm_id, COALESCE(max(seq), 0) + 1, :action, :until, :actor, :reason FROM registry.alarm_answer WHERE alarm_id = :alarm_id;

-- name: untold
-- Events of a model on a target of which nobody was told by a channel: alarms that are open or worse, and those that are over after
-- somebody was told of them. What is settled is no news, and neither is what somebody has muted on the last day that was measured.
SELECT alarm_id, event.seq, event.created_at
FROM registry.alarm_event AS event
  JOIN registry.alarm USING (alarm_id)
  JOIN registry.model_version USING (model_version_id)
  JOIN registry.model USING (model_id)
WHERE model.name = :model AND target = :target
  AND event.seq = (SELECT max(seq) FROM registry.alarm_event AS later WHERE later.alarm_id = alarm.alarm_id)
  AND NOT EXISTS (
    SELECT FROM registry.alarm_notice AS notice
    WHERE notice.alarm_id = event.alarm_id AND notice.seq = event.seq AND channel = :channel
  )
  AND COALESCE(GREATEST(event.day, (
    SELECT max(live_day.day) FROM registry.live_day
    WHERE live_day.model_version_id = alarm.model_version_id AND live_day.target = alarm.target
  )) > (
    SELECT until FROM registry.alarm_answer AS muted
    WHERE muted.alarm_id = event.alarm_id AND action = 'mute' ORDER BY muted.seq DESC LIMIT 1
  ), true)
  AND (
    event.state IN ('open', 'worse')
    OR (event.state = 'closed'
        AND EXISTS (SELECT FROM registry.alarm_notice AS told WHERE told.alarm_id = event.alarm_id AND channel = :channel))
  )
ORDER BY alarm_id;

-- name: insert_notice
INSERT INTO registry.alarm_notice (alarm_id, seq, channel) VALUES (:alarm_id, :seq, :channel)
ON CONFLICT (alarm_id, seq, channel) DO NOTHING;
