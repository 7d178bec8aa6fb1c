// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/pad_task.h"

namespace {

// What the thread needs; freed with the GstTask, which the thread itself holds to its end.
struct Work {
    std::function<void()> iterate;
    std::shared_ptr<void> keep;
    GstPad* pad;
    std::shared_ptr<PadTask::Thread> thread;

    ~Work() { gst_object_unref(pad); }
};

void post_status(GstTask* task, GstPad* pad, GstStreamStatusType type) {
    GstElement* element = gst_pad_get_parent_element(pad);
    if (!element)
        return;
    GstMessage* message = gst_message_new_stream_status(GST_OBJECT(pad), type, element);
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_TASK);
    g_value_set_object(&value, task);
    gst_message_set_stream_status_object(message, &value);
    g_value_unset(&value);
    gst_element_post_message(element, message);
    gst_object_unref(element);
}

} // namespace

void PadTask::start(GstPad* pad, std::function<void()> iterate, std::shared_ptr<void> keep) {
    stop(true);
    const auto thread = std::make_shared<Thread>();
    auto* work = new Work{std::move(iterate), std::move(keep),
                          static_cast<GstPad*>(gst_object_ref(pad)), thread};
    GstTask* task = gst_task_new([](gpointer w) { static_cast<Work*>(w)->iterate(); }, work,
                                 [](gpointer w) { delete static_cast<Work*>(w); });
    // What the thread is called, as those that GStreamer starts for a pad.
    gchar* name = g_strdup_printf("%s:%s", GST_DEBUG_PAD_NAME(pad));
    gst_object_set_name(GST_OBJECT(task), name);
    g_free(name);
    gst_task_set_lock(task, &thread->running_);
    gst_task_set_enter_callback(
        task,
        [](GstTask* t, GThread*, gpointer p) {
            post_status(t, GST_PAD(p), GST_STREAM_STATUS_TYPE_ENTER);
        },
        pad, nullptr);
    gst_task_set_leave_callback(
        task,
        [](GstTask* t, GThread*, gpointer p) {
            post_status(t, GST_PAD(p), GST_STREAM_STATUS_TYPE_LEAVE);
        },
        pad, nullptr);
    post_status(task, pad, GST_STREAM_STATUS_TYPE_CREATE);
    {
        std::lock_guard guard(lock_);
        task_ = task;
        thread_ = thread;
    }
    gst_task_start(task);
}

void PadTask::resume() {
    std::lock_guard guard(lock_);
    if (task_)
        gst_task_start(task_);
}

std::shared_ptr<PadTask::Thread> PadTask::pause() {
    std::lock_guard guard(lock_);
    if (!task_)
        return nullptr;
    gst_task_pause(task_);
    return thread_;
}

void PadTask::Thread::wait_for_pause() {
    g_rec_mutex_lock(&running_);
    g_rec_mutex_unlock(&running_);
}

void PadTask::stop(bool wait) {
    GstTask* task = nullptr;
    {
        std::lock_guard guard(lock_);
        task = std::exchange(task_, nullptr);
    }
    if (!task)
        return;
    gst_task_stop(task);
    // On the task's own thread the lock is ours already: joining would wait for ourselves.
    GST_OBJECT_LOCK(task);
    const bool own_thread = task->thread == g_thread_self();
    GST_OBJECT_UNLOCK(task);
    if (wait && !own_thread)
        gst_task_join(task);
    gst_object_unref(task);
}
