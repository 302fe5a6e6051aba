// Floor: POSTs a 1 KB JSON body N times over C kept connections with one libcurl multi handle (one thread).
// usage: bench_webhook_curl url posts connections [fresh] -> posts per second, CPU us per post, p50 ms, p99 ms
// "fresh" makes a new easy handle for every post, as a naive client does (connections are still reused).
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}
static double cpu(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}
static size_t sink(char* p, size_t s, size_t n, void* u) {
  (void)p;
  (void)u;
  return s * n;
}
static int cmp(const void* a, const void* b) {
  float x = *(float*)a, y = *(float*)b;
  return (x > y) - (x < y);
}
struct slot {
  CURL* h;
  double t;
};
static char body[1025], *url;
static struct curl_slist* hd;
static void setup(struct slot* s) {
  CURL* h = s->h = curl_easy_init();
  curl_easy_setopt(h, CURLOPT_URL, url);
  curl_easy_setopt(h, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, 1024L);
  curl_easy_setopt(h, CURLOPT_HTTPHEADER, hd);
  curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, sink);
  curl_easy_setopt(h, CURLOPT_PRIVATE, s);
}
int main(int c, char** v) {
  if (c < 4) return 2;
  url = v[1];
  long total = atol(v[2]), left = total, done = 0;
  int conns = atoi(v[3]), fresh = c > 4;
  memset(body, 'x', 1024);
  memcpy(body, "[{\"id\":\"", 8);
  memcpy(body + 1021, "\"}]", 3);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  hd = curl_slist_append(NULL, "Content-Type: application/json");
  hd = curl_slist_append(hd, "aeg-event-type: Notification");
  hd = curl_slist_append(hd, "Expect:");
  CURLM* m = curl_multi_init();
  curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, (long)conns * 2);
  struct slot* s = calloc(conns, sizeof *s);
  float* lat = malloc(total * sizeof *lat);
  double t0 = now(), c0 = cpu();
  for (int i = 0; i < conns && left > 0; i++, left--) {
    setup(&s[i]);
    s[i].t = now();
    curl_multi_add_handle(m, s[i].h);
  }
  while (done < total) {
    int run, q;
    CURLMsg* r;
    curl_multi_perform(m, &run);
    while ((r = curl_multi_info_read(m, &q))) {
      if (r->msg != CURLMSG_DONE) continue;
      struct slot* x;
      CURL* h = r->easy_handle;
      long code = 0;
      CURLcode rc = r->data.result;
      curl_easy_getinfo(h, CURLINFO_PRIVATE, (char**)&x);
      curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &code);
      if (rc || code != 200) {
        fprintf(stderr, "%s %ld\n", curl_easy_strerror(rc), code);
        return 1;
      }
      lat[done++] = (now() - x->t) * 1e3;
      curl_multi_remove_handle(m, h);
      if (fresh) curl_easy_cleanup(h);
      if (left > 0) {
        left--;
        if (fresh) setup(x);
        x->t = now();
        curl_multi_add_handle(m, x->h);
      }
    }
    if (done < total) curl_multi_poll(m, NULL, 0, 1000, NULL);
  }
  double t = now() - t0, k = cpu() - c0;
  qsort(lat, total, sizeof *lat, cmp);
  printf("%.1f %.2f %.3f %.3f\n", total / t, k * 1e6 / total, lat[total / 2], lat[total * 99 / 100]);
}
