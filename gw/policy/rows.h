/* SPDX-License-Identifier: GPL-3.0-or-later
 * Every condition, listed once. Each row stands in the file cond_<what>.c that holds its parse and match. */
#ifndef LOCKGATE_POLICY_ROWS_H
#define LOCKGATE_POLICY_ROWS_H

#define COND_ROWS(X) \
    X(cond_all) X(cond_any) X(cond_not) X(cond_direction) X(cond_kind) X(cond_type) X(cond_from) X(cond_to) X(cond_from_domain) \
    X(cond_to_domain) X(cond_from_list) X(cond_to_list) X(cond_payload) X(cond_received) X(cond_element) X(cond_uninspectable) \
    X(cond_from_room) X(cond_text) X(cond_word) X(cond_yara) X(cond_yara_id) X(cond_yara_severity) X(cond_yara_action) X(cond_dlp) X(cond_hidden) X(cond_size_above) X(cond_depth_above) \
    X(cond_elements_above) X(cond_count) X(cond_unsolicited) X(cond_first_contact) X(cond_rate) X(cond_time) \
    X(cond_enters) X(cond_leaves) X(cond_crosses) X(cond_from_like) X(cond_to_like) X(cond_from_is) X(cond_to_is) X(cond_room) X(cond_room_list) \
    X(cond_node) X(cond_node_list) X(cond_operation) X(cond_value) X(cond_stripped) X(cond_label_lost) X(cond_date) \
    X(cond_label) X(cond_label_above_clearance) X(cond_label_missing) X(cond_label_invalid) X(cond_clearance) X(cond_marking_disagrees)
#define X(row) extern const struct cond_row row;
COND_ROWS(X)
#undef X

#endif
