/* Answers every operation from two threads at once. */
#define _POSIX_C_SOURCE 200809L /* barriers, in strict C11 */
#include <pthread.h>

#include "sms_plugin.h"
struct race {
  pthread_barrier_t* start;
  struct pending call;
};
static void* answer(void* arg) {
  struct race* race = (struct race*)arg;
  const tl_list none = {NULL, 0, sizeof(tl_sms_send_result)};
  pthread_barrier_wait(race->start);
  race->call.done(race->call.user, &none, NULL);
  return NULL;
}
static void send(void* self, const tl_call* call, const tl_sms_send_request* request, tl_sms_provider_send_done done,
                 void* user) {
  (void)self, (void)call, (void)request;
  pthread_barrier_t start;
  pthread_barrier_init(&start, NULL, 2);
  struct race race = {&start, {done, user}};
  pthread_t threads[2];
  for (int i = 0; i < 2; ++i)
    if (pthread_create(&threads[i], NULL, answer, &race) != 0) abort();
  for (int i = 0; i < 2; ++i) pthread_join(threads[i], NULL);
  pthread_barrier_destroy(&start);
}
SMS_PLUGIN(send)
