// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/frame.h"

#include <gst/gst.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>

// A serialized event that keeps its place between the frames of its source.
class EventItem final : public infer::Item {
public:
    // Both take the event's reference: `thrown_away` that of one which nobody took, in a flush.
    EventItem(GstEvent* event, std::function<void(GstEvent*)> thrown_away)
        : event_(event), thrown_away_(std::move(thrown_away)) {}
    ~EventItem() override {
        if (event_)
            thrown_away_(event_);
    }
    GstEventType type() const { return GST_EVENT_TYPE(event_); }
    GstEvent* take() { return std::exchange(event_, nullptr); }

private:
    GstEvent* event_;
    std::function<void(GstEvent*)> thrown_away_;
};

// The place behind the last item of a source that another one follows.
class LastItem final : public infer::Item {};

// A serialized query on its way. Two threads: the one that asked waits, the task of the src pad
// answers. It works on a copy, so that whoever asked may give up at any time.
class QueryAnswer {
public:
    explicit QueryAnswer(GstQuery* asked) : query_(gst_query_copy(asked)) {}
    ~QueryAnswer() { gst_query_unref(query_); }

    GstQuery* query() const { return query_; } // the task's alone until answer()
    void answer(bool ok);                      // the first call counts
    // Waits, then moves the answer into `asked`; false: refused, or cancelled.
    bool wait(GstQuery* asked, std::stop_token cancel);

private:
    std::mutex lock_; // guards answered_ and ok_
    std::condition_variable_any changed_;
    bool answered_ = false, ok_ = false;
    GstQuery* query_;
};

// Its place in the queue. Thrown away unanswered, it refuses.
class QueryItem final : public infer::Item {
public:
    explicit QueryItem(std::shared_ptr<QueryAnswer> answer) : answer_(std::move(answer)) {}
    ~QueryItem() override { answer_->answer(false); }
    QueryAnswer& answer() { return *answer_; }

private:
    std::shared_ptr<QueryAnswer> answer_;
};
